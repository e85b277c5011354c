#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/4-mls-in-c.md does what it says: its C blocks are one C99 program, which prints what the page shows.

    test_guide.py SANITIZE LIBRARY...     static libraries; SANITIZE is meson's b_sanitize"""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def main():
    sanitize, libraries = sys.argv[1], sys.argv[2:]
    with open(os.path.join(TOP, "docs/4-mls-in-c.md"), encoding="utf-8") as f:
        text = f.read()
    flags = [] if sanitize == "none" else [f"-fsanitize={sanitize}"]
    print("1..1")
    with tempfile.TemporaryDirectory(prefix="sealpost-guide-") as folder:
        source, program = os.path.join(folder, "guide.c"), os.path.join(folder, "guide")
        with open(source, "w", encoding="utf-8") as f:
            f.write("\n".join(blocks(text, "c")))
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", *flags, "-I", os.path.join(TOP, "include"), "-o", program, source,
                        "-Wl,--start-group", *libraries, "-Wl,--end-group", "-lcrypto", "-pthread"], check=True)
        out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    good = out == blocks(text, "text")[0]
    print("ok 1 - the guide" if good else f"not ok 1 - the guide\n# it prints {out!r}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
