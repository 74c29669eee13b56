"""How long an Opus packet plays, by its first two bytes. Source: RFC 6716, section 3.1."""

OPUS_RATE = 48_000
# 120 ms.
MAX_PACKET_SAMPLES = 5_760
# By the configuration's number: SILK, hybrid and CELT frames.
_FRAME_SAMPLES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
_TWO_FRAMES = (1, 2)


def opus_samples(packet: bytes) -> int:
    """Samples at 48 kHz of the packet that begins with these bytes; 0 for none."""
    if not packet:
        return 0
    samples, code = _FRAME_SAMPLES[packet[0] >> 3], packet[0] & 3
    if code == 3:
        # The number of frames follows; a packet that claims more than 120 ms is none, and plays no more than that.
        count = packet[1] & 0x3F if len(packet) > 1 else 0
        return min(samples * count, MAX_PACKET_SAMPLES)
    return samples * 2 if code in _TWO_FRAMES else samples
