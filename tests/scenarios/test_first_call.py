"""What a newcomer sees: one command, a key, a curl line that works."""

import subprocess

from running_platform import RunningPlatform


def test_the_printed_curl_line_answers(platform: RunningPlatform) -> None:
    line = platform.printed[platform.printed.index("    curl ") :].split("\n\n")[0]

    answered = subprocess.run(["bash", "-c", line + " -s -i"], capture_output=True, text=True, timeout=240)

    assert "HTTP/1.1 200" in answered.stdout
    assert '"chat.completion"' in answered.stdout
    assert "x-credits-consumed: 0." in answered.stdout
