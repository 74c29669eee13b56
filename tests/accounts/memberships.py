"""Makes people members of an account without an invitation."""

from accounts.models import Account, Membership, User


def add_member(account: Account, email: str, role: str) -> Membership:
    """Make the person of that address a member; the person is made where there is none."""
    user = User.objects.filter(email=email).first() or User.objects.create_user(email)
    return Membership.objects.create(account=account, user=user, role=role)
