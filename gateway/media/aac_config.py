"""How long a frame of AAC plays, by its decoder's configuration. Source: ISO/IEC 14496-3, 1.6.2.1."""

from fractions import Fraction

AAC_RATES = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)
AAC_FRAME_SAMPLES = 1024
_USAC_FRAME_SAMPLES = 4096
_SBR, _PS, _USAC = 5, 29, 42
_CONFIG_BYTES = 16
_RATE_FOLLOWS = 15
_TYPE_FOLLOWS = 31


def aac_frame_ms(config: bytes) -> Fraction | None:
    """Milliseconds of one frame, at most; None for a configuration that makes no sense."""
    bits = _Bits(config)
    object_type, rate = bits.object_type(), bits.rate()
    if rate == 0:
        return None
    samples = _USAC_FRAME_SAMPLES if object_type == _USAC else AAC_FRAME_SAMPLES
    frame_ms = Fraction(1000 * samples, rate)
    if object_type in (_SBR, _PS):
        # After the channels comes the rate of twice the samples; it should be twice the first one.
        bits.take(4)
        doubled = bits.rate()
        if doubled:
            frame_ms = max(frame_ms, Fraction(2000 * samples, doubled))
    return frame_ms


class _Bits:
    """A configuration's bits, taken from the first on; zeros follow its end."""

    def __init__(self, config: bytes) -> None:
        self._bits = int.from_bytes(config[:_CONFIG_BYTES].ljust(_CONFIG_BYTES, b"\0"), "big")
        self._left = 8 * _CONFIG_BYTES

    def take(self, count: int) -> int:
        self._left -= count
        return self._bits >> self._left & (1 << count) - 1

    def object_type(self) -> int:
        found = self.take(5)
        return 32 + self.take(6) if found == _TYPE_FOLLOWS else found

    def rate(self) -> int:
        """Samples a second; 0 for a reserved index."""
        index = self.take(4)
        if index == _RATE_FOLLOWS:
            return self.take(24)
        return AAC_RATES[index] if index < len(AAC_RATES) else 0
