"""Messages of errors, as pages translate them. Written by `manage.py make_messages`."""

from django.utils.translation import gettext_noop as _

# fmt: off
MESSAGES = (
    _("A cap is from 0 to below 1,000,000,000,000 credits."),  # noqa: E501
    _("A catalog has at most {MAX_CATALOG_BYTES} bytes."),  # noqa: E501
    _("A cost has at least one price; what is free says so with 0."),  # noqa: E501
    _("A grant must expire in the future."),  # noqa: E501
    _("A model has 1 to {MAX_MODEL_LENGTH} printable characters without blanks."),  # noqa: E501
    _("A name has 1 to {MAX_NAME_LENGTH} characters."),  # noqa: E501
    _("A name has printable characters only."),  # noqa: E501
    _("A name must not look like an account id."),  # noqa: E501
    _("A network is an address or a CIDR range, as in 203.0.113.0/24 or 2001:db8::/32."),  # noqa: E501
    _("A part of the form has no name."),  # noqa: E501
    _("A part's name must be at most {MAX_NAME_LENGTH} printable characters."),  # noqa: E501
    _("A period has at most {MAX_BUCKETS} {unit}s; since is too early."),  # noqa: E501
    _("A period has at most {days} days here."),  # noqa: E501
    _("A priority is from 0 to {MAX_PRIORITY}."),  # noqa: E501
    _("A rate has at least one price; what is free says so."),  # noqa: E501
    _("A request id is req_ and 32 hexadecimal digits."),  # noqa: E501
    _("A request with this Idempotency-Key is still under way."),  # noqa: E501
    _("A role is one of {value1}."),  # noqa: E501
    _("A scope lists at most {MAX_SCOPE_ITEMS} items."),  # noqa: E501
    _("A weight is from 1 to {MAX_WEIGHT}."),  # noqa: E501
    _("A {param} has printable characters only."),  # noqa: E501
    _("Amount: more than 0 credits."),  # noqa: E501
    _("Amount: {error}."),  # noqa: E501
    _("An API key hands out at most its own {param}."),  # noqa: E501
    _("An account has at most {limit} open invitations."),  # noqa: E501
    _("An account keeps at least one owner; make somebody else owner first."),  # noqa: E501
    _("An amount of credits is below 1,000,000,000,000."),  # noqa: E501
    _("An amount of credits is more than 0."),  # noqa: E501
    _("An empty list would allow nothing; leave it out to allow all."),  # noqa: E501
    _("An endpoint name has up to 64 lower-case letters, digits and any of ._/- between them."),  # noqa: E501
    _("An expiry is in the future."),  # noqa: E501
    _("An overlap is from 0 to {MAX_OVERLAP_S} seconds."),  # noqa: E501
    _("Another cost is published for that hour."),  # noqa: E501
    _("Expires: a date and a time, as in 2026-12-31T23:59."),  # noqa: E501
    _("Give 1 to {max_length} characters as {param}."),  # noqa: E501
    _("Give an API key as 'Authorization: Bearer aio_…', or sign in."),  # noqa: E501
    _("Idempotency-Key must be at most {MAX_KEY_LENGTH} printable characters."),  # noqa: E501
    _("Name a key by its id, as in key_…, or its prefix: aio_ and 8 characters."),  # noqa: E501
    _("No model serves this endpoint."),  # noqa: E501
    _("No parameters are declared for this model on this endpoint."),  # noqa: E501
    _("Only an owner may make, change or remove owners."),  # noqa: E501
    _("Refused calls have no {param}."),  # noqa: E501
    _("Reports need a permission that you do not have."),  # noqa: E501
    _("Send the body as application/json."),  # noqa: E501
    _("Send the body as multipart/form-data with its boundary."),  # noqa: E501
    _("Several keys have the prefix {prefix}; name one by id: {value2}."),  # noqa: E501
    _("Some usage events are archived, so the sums cannot be made anew. They stay as they are."),  # noqa: E501
    _("Something went wrong on our side. The request id helps us to find it."),  # noqa: E501
    _("Tasks are under way on routes that this catalog removes or changes: {shown}{more}. Keep such a route with `enabled = false` until its tasks have ended, or cancel them."),  # noqa: E501
    _("That is not an e-mail address."),  # noqa: E501
    _("That is not one of the overlaps."),  # noqa: E501
    _("That is not the `next` of a page."),  # noqa: E501
    _("That is too much to look through; ask for a shorter time."),  # noqa: E501
    _("That makes more than {MAX_ROWS} rows; group by less, or ask for a shorter time."),  # noqa: E501
    _("The API key is expired."),  # noqa: E501
    _("The API key is invalid."),  # noqa: E501
    _("The API key is missing. Send it as 'Authorization: Bearer aio_…'."),  # noqa: E501
    _("The API key is revoked or expired, which is final; issue a new one."),  # noqa: E501
    _("The API key is revoked."),  # noqa: E501
    _("The API key may not manage keys; use one issued with may_manage_keys, or sign in."),  # noqa: E501
    _("The API key was rotated already; rotate its successor {successor_id} instead."),  # noqa: E501
    _("The API key's scope does not include the address you call from."),  # noqa: E501
    _("The API key's scope does not include the endpoint {endpoint}."),  # noqa: E501
    _("The API key's scope does not include the model {model}."),  # noqa: E501
    _("The API key's scope does not include this endpoint."),  # noqa: E501
    _("The API key's scope does not include this model."),  # noqa: E501
    _("The account is suspended."),  # noqa: E501
    _("The account's balance would be larger than the books can hold."),  # noqa: E501
    _("The body did not arrive within {limit_s} seconds."),  # noqa: E501
    _("The body has to be a JSON object."),  # noqa: E501
    _("The body has too many values."),  # noqa: E501
    _("The body is an object with an endpoint and values."),  # noqa: E501
    _("The body is empty; a JSON object is expected."),  # noqa: E501
    _("The body is larger than the limit of {limit_bytes} bytes."),  # noqa: E501
    _("The body is larger than this address takes."),  # noqa: E501
    _("The body is not valid JSON."),  # noqa: E501
    _("The body is not valid JSON: {value1}."),  # noqa: E501
    _("The body is not valid multipart/form-data."),  # noqa: E501
    _("The body must be a JSON object."),  # noqa: E501
    _("The body must not contain the character U+0000."),  # noqa: E501
    _("The call may cost up to {needed} credits, and {allowance} are left of the API key's cap for the {period}, which starts anew at {value4}."),  # noqa: E501
    _("The call may cost up to {needed} credits, and {available} are available ({held} are held by calls under way)."),  # noqa: E501
    _("The call took longer than this endpoint's limit of {limit_s} seconds."),  # noqa: E501
    _("The call took too long to be recorded, and was not charged."),  # noqa: E501
    _("The call was carried, but could not be recorded."),  # noqa: E501
    _("The calls of that time are archived and left are sums by the hour: ask for whole hours."),  # noqa: E501
    _("The file is not UTF-8."),  # noqa: E501
    _("The form is cut short: its last boundary is missing."),  # noqa: E501
    _("The form is not whole; open the page again."),  # noqa: E501
    _("The invitation was accepted, withdrawn, or is past its time."),  # noqa: E501
    _("The key is another account's."),  # noqa: E501
    _("The limit of {calls_per_minute} calls a minute is reached. Try again in {reset_s} s."),  # noqa: E501
    _("The model '{shown}' does not exist."),  # noqa: E501
    _("The model '{shown}' does not serve this endpoint."),  # noqa: E501
    _("The model '{slug}' is switched off for the moment."),  # noqa: E501
    _("The model is over capacity; try again shortly."),  # noqa: E501
    _("The model's server broke off its answer."),  # noqa: E501
    _("The model's server failed to answer."),  # noqa: E501
    _("The model's server gave an empty or malformed answer."),  # noqa: E501
    _("The model's server refused this request as invalid for the model."),  # noqa: E501
    _("The model's server sent too large an answer."),  # noqa: E501
    _("The platform cannot take calls right now."),  # noqa: E501
    _("The refunds of a call cannot come to more than it cost."),  # noqa: E501
    _("The request is malformed."),  # noqa: E501
    _("The result could not be read from its server."),  # noqa: E501
    _("The result could not be stored."),  # noqa: E501
    _("The result is at an address that is not public."),  # noqa: E501
    _("The result is empty."),  # noqa: E501
    _("The result is larger than {value1} bytes."),  # noqa: E501
    _("The result's data URL is not base64."),  # noqa: E501
    _("The result's server answered {status}."),  # noqa: E501
    _("The result's server did not say which part it sent."),  # noqa: E501
    _("The secret can no longer be read; rotate it to get a new one."),  # noqa: E501
    _("The secret was rotated {MAX_ENDING} times within a day; wait until one of the old ones ends, or rotate with an overlap_s of 0."),  # noqa: E501
    _("The step could not be written down."),  # noqa: E501
    _("The task could not be changed right now."),  # noqa: E501
    _("The task has no such result."),  # noqa: E501
    _("The trial plan's calls for today are used up. The next day starts at {value1}."),  # noqa: E501
    _("The webhook's signature is not right."),  # noqa: E501
    _("There are no legacy completions here; use /v1/chat/completions."),  # noqa: E501
    _("There are too many query parameters."),  # noqa: E501
    _("There is an account named {name} already."),  # noqa: E501
    _("There is no API key {text}."),  # noqa: E501
    _("There is no account {text}."),  # noqa: E501
    _("There is no parameter {shown} here; there are {value2}."),  # noqa: E501
    _("There is no plan {slug}; the plans are {value2}."),  # noqa: E501
    _("There is no receipt for such a call. Refused calls have none."),  # noqa: E501
    _("There is no such API key."),  # noqa: E501
    _("There is no such account."),  # noqa: E501
    _("There is no such call, or nothing was charged for it."),  # noqa: E501
    _("There is no such delivery."),  # noqa: E501
    _("There is no such invitation."),  # noqa: E501
    _("There is no such key."),  # noqa: E501
    _("There is no such member."),  # noqa: E501
    _("There is no such operation."),  # noqa: E501
    _("There is no such page of the documentation."),  # noqa: E501
    _("There is no such rate."),  # noqa: E501
    _("There is no such report."),  # noqa: E501
    _("There is no such result, or it has expired."),  # noqa: E501
    _("There is no such route."),  # noqa: E501
    _("There is no such task."),  # noqa: E501
    _("There is no such time zone."),  # noqa: E501
    _("There is no such upstream."),  # noqa: E501
    _("There is no such version."),  # noqa: E501
    _("There is nothing at this address."),  # noqa: E501
    _("This Idempotency-Key was used for a request with another body."),  # noqa: E501
    _("This Idempotency-Key was used for the call {request_id}, whose answer was not kept."),  # noqa: E501
    _("This address answers in application/json only."),  # noqa: E501
    _("This address does not take that method."),  # noqa: E501
    _("This idempotency key was used for another grant."),  # noqa: E501
    _("This idempotency key was used for another refund."),  # noqa: E501
    _("This invitation is for another e-mail address."),  # noqa: E501
    _("This is not allowed."),  # noqa: E501
    _("This report has one row an account, over the whole period."),  # noqa: E501
    _("This takes the role of {value1}."),  # noqa: E501
    _("Too many API keys were issued in a short time."),  # noqa: E501
    _("Too many invalid API keys came from your address."),  # noqa: E501
    _("You are looking at an account as its members see it, which is to read only. End that first."),  # noqa: E501
    _("You are not a member of any account."),  # noqa: E501
    _("Your role may not."),  # noqa: E501
    _("a form has at most {MAX_FIELDS} fields"),  # noqa: E501
    _("audio_duration: this model makes from {least} to {most} seconds."),  # noqa: E501
    _("beam_size: must be from 1 to {most}."),  # noqa: E501
    _("before is the number that the link to the older rows names."),  # noqa: E501
    _("before is what the link to the older rows names."),  # noqa: E501
    _("callback_url: must be a URL."),  # noqa: E501
    _("code {status}"),  # noqa: E501
    _("dimensions: this model's vectors have one length only."),  # noqa: E501
    _("endpoint is one of {value1}."),  # noqa: E501
    _("expected a string"),  # noqa: E501
    _("expected an http(s) or data:image/ URL"),  # noqa: E501
    _("expected function; hosted tools are not priced here"),  # noqa: E501
    _("expected text, image_url or refusal"),  # noqa: E501
    _("file: not a description of a file."),  # noqa: E501
    _("file: this model takes at most {value1} seconds of audio."),  # noqa: E501
    _("give either 'input' or 'messages'"),  # noqa: E501
    _("group_by is some of {choices}, each once, separated by commas."),  # noqa: E501
    _("image: this is not a PNG, JPEG, GIF or WebP image."),  # noqa: E501
    _("input: this model takes text, not token ids."),  # noqa: E501
    _("is not one. {value1}"),  # noqa: E501
    _("is not supported here"),  # noqa: E501
    _("language: must be one of {value1}, their codes, or {AUTO}."),  # noqa: E501
    _("language: no such language; try a code such as ko or en."),  # noqa: E501
    _("limit is a whole number from 1 to {MAX_LIMIT}."),  # noqa: E501
    _("model: must be a model's name."),  # noqa: E501
    _("model: this field is required."),  # noqa: E501
    _("must be UTF-8 text"),  # noqa: E501
    _("must be a URL"),  # noqa: E501
    _("must be a URL that starts with http:// or https://"),  # noqa: E501
    _("must be a list of URLs"),  # noqa: E501
    _("must be a list of objects with a text"),  # noqa: E501
    _("must be a number"),  # noqa: E501
    _("must be a whole number"),  # noqa: E501
    _("must be an object with a text"),  # noqa: E501
    _("must be at most {MAX_FIELD_BYTES} bytes"),  # noqa: E501
    _("must be from {value1} to {value2}"),  # noqa: E501
    _("must be one of {names}"),  # noqa: E501
    _("must be one of {value1}"),  # noqa: E501
    _("must be sent as a file, with a file name"),  # noqa: E501
    _("must be text"),  # noqa: E501
    _("must be text that is not empty"),  # noqa: E501
    _("must be true or false"),  # noqa: E501
    _("must have at least {min_length} characters"),  # noqa: E501
    _("must have at most {MAX_URL_LENGTH} characters"),  # noqa: E501
    _("must have at most {max_items} URLs"),  # noqa: E501
    _("must have at most {max_items} lines"),  # noqa: E501
    _("must have at most {most} characters"),  # noqa: E501
    _("must not be empty"),  # noqa: E501
    _("n: must be from 1 to {most} for this model."),  # noqa: E501
    _("no catalog is loaded: run manage.py load_catalog FILE.toml"),  # noqa: E501
    _("no file is taken here; send it as '{file_field}'"),  # noqa: E501
    _("num_inference_steps: must be from 1 to {most} for this model."),  # noqa: E501
    _("only one file is taken"),  # noqa: E501
    _("owner"),  # noqa: E501
    _("ref_audio: this is not an audio file."),  # noqa: E501
    _("response_format: this model gives {value1}."),  # noqa: E501
    _("route is the name of a route."),  # noqa: E501
    _("since is a whole hour in UTC."),  # noqa: E501
    _("since is before until, and not in the future."),  # noqa: E501
    _("since is before until."),  # noqa: E501
    _("since is in the future."),  # noqa: E501
    _("speed: this model speaks at one speed only."),  # noqa: E501
    _("staff"),  # noqa: E501
    _("stream: this endpoint answers in one piece."),  # noqa: E501
    _("task: must be one of {value1}."),  # noqa: E501
    _("the texts must have at most {max_length} characters together"),  # noqa: E501
    _("this field is required"),  # noqa: E501
    _("voice: must be one of {value1}."),  # noqa: E501
    _("{AFTER} is the `next` of the page before, as it was given."),  # noqa: E501
    _("{PARAM} is the `next` of the page before, as it was given."),  # noqa: E501
    _("{email} is a member of the account already."),  # noqa: E501
    _("{email} is invited already; send the invitation again instead."),  # noqa: E501
    _("{field}: this model gives at most {limit} output tokens."),  # noqa: E501
    _("{file_field}: the file is empty."),  # noqa: E501
    _("{file_field}: this file is required."),  # noqa: E501
    _("{label}: that is not a text to look for."),  # noqa: E501
    _("{label}: there is no such choice."),  # noqa: E501
    _("{name} has 1 to {MAX_TEXT_LENGTH} printable characters."),  # noqa: E501
    _("{name} has no such option, and it would change the price. Leave it out"),  # noqa: E501
    _("{name} has no such option, and it would change the price{instead}"),  # noqa: E501
    _("{name} is a whole number from {low} to {high}."),  # noqa: E501
    _("{name} is not offered with this option. Leave it out"),  # noqa: E501
    _("{name} is one of {value2}."),  # noqa: E501
    _("{name} is one or more of {value2}, separated by commas."),  # noqa: E501
    _("{name} was given more than once."),  # noqa: E501
    _("{name}: given more than once."),  # noqa: E501
    _("{param} is a moment from 2000 to 2199, as in 2030-01-31 or 2030-01-31T12:00:00Z."),  # noqa: E501
    _("{param} is the IANA name of a time zone, as in Asia/Seoul."),  # noqa: E501
    _("{param} is the e-mail address of one of the account's members."),  # noqa: E501
    _("{param} is the id of one of the account's keys, or \"{SESSION}\"."),  # noqa: E501
    _("{param}: must be at least 1."),  # noqa: E501
    _("{param}: must not be empty."),  # noqa: E501
    _("{param}: this model takes at most {most} {what}."),  # noqa: E501
    _("{param}: width times height may be at most {most} for this model."),  # noqa: E501
    _("{unit}: per is a whole number."),  # noqa: E501
    _("{value1} is a whole number from 1 to {MAX_LIMIT}."),  # noqa: E501
    _("{value1} is before {value2}."),  # noqa: E501
    _("{value1} is one of {value2}."),  # noqa: E501
    _("{value1}: a whole number."),  # noqa: E501
    _("{why}: there is no filter by {param}."),  # noqa: E501
)
# fmt: on
