#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libsealpost as an outsider gets it: installed, found by pkg-config, used from C99 and from C++, shared and static; and
nothing exported that the headers do not declare."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SEALPOST_BUILD", os.path.join(TOP, "build")))

PROGRAM = """
#include <sealpost/err.h>
#include <sealpost/bytes.h>
#include <sealpost/crypto.h>
#include <sealpost/mls.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
	struct sp_buf buf;
	struct sp_bytes in = {(const uint8_t *)"hello", 5};
	enum sp_err e;
	memset(&buf, 0, sizeof buf);
	sp_buf_init(&buf, 100);
	e = sp_buf_append(&buf, in);
	if (e == SP_OK && sp_buf_bytes(&buf).n == 5)
		puts(sp_err_text(SP_ERR_TRUNCATED));
	sp_buf_clear(&buf);
	return 0;
}
"""


def run(argv, **kw):
    p = subprocess.run(argv, capture_output=True, text=True, check=False, **kw)
    if p.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {p.returncode}\n{p.stdout}\n{p.stderr}")
    return p.stdout


class Installed:
    """An installation below a temporary folder."""

    def __init__(self, folder):
        self.folder = folder
        run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder])
        found = [os.path.join(b, f) for b, _, fs in os.walk(folder) for f in fs if f == "sealpost.pc"]
        self.libdir = os.path.dirname(os.path.dirname(found[0]))
        self.env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found[0]), PKG_CONFIG_SYSROOT_DIR=folder, LD_LIBRARY_PATH=self.libdir)

    def flags(self, *args):
        return run(["pkg-config", *args, "sealpost"], env=self.env).split()


def compile_and_run(inst, compiler, standard, suffix, static=False):
    source, program = os.path.join(inst.folder, "use" + suffix), os.path.join(inst.folder, "use")
    with open(source, "w", encoding="utf-8") as f:
        f.write(PROGRAM)
    libs = [os.path.join(inst.libdir, "libsealpost.a"), "-lcrypto", "-pthread"] if static else inst.flags("--libs")
    run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", *inst.flags("--cflags"), "-o", program, source, *libs])
    out = run([program], env=inst.env)
    assert out == "input ends too early\n", out


def used_from_c99(inst):
    compile_and_run(inst, "cc", "c99", ".c")


def used_from_c11_static(inst):
    compile_and_run(inst, "cc", "c11", ".c", static=True)


def used_from_cpp(inst):
    if not shutil.which("c++"):
        return "a C++ compiler is missing"
    compile_and_run(inst, "c++", "c++11", ".cc")
    return None


def exports_what_headers_declare(inst):
    declared = set()
    for name in os.listdir(os.path.join(TOP, "include/sealpost")):
        with open(os.path.join(TOP, "include/sealpost", name), encoding="utf-8") as f:
            declared |= set(re.findall(r"SP_API[^;{]*?\b(sp_\w+)\s*\(", f.read()))
    out = run(["nm", "-D", "--defined-only", os.path.join(inst.libdir, "libsealpost.so")])
    exported = {line.split()[-1].split("@")[0] for line in out.splitlines() if line.split()[-2] != "A"}
    assert exported - declared == set(), f"exported but not declared: {sorted(exported - declared)}"
    assert declared - exported == set(), f"declared but not there: {sorted(declared - exported)}"


def needs_libcrypto_alone(inst):
    out = run(["ldd", os.path.join(inst.libdir, "libsealpost.so")])
    names = {line.split()[0].split(".so")[0] for line in out.splitlines() if line.strip()}
    names = {os.path.basename(n) for n in names} - {"linux-vdso", "libc", "ld-linux-x86-64", "ld-linux-aarch64", "libpthread", "libm", "libdl"}
    assert names == {"libcrypto"}, f"libsealpost needs {sorted(names)}"


def installed_programs_find_each_other(inst):
    program = os.path.join(inst.folder, "usr", "local", "bin", "sealpost")
    if not os.path.exists(program):
        return "the programs are not built"
    env = {"PATH": "/usr/bin:/bin", "HOME": inst.folder, "TMPDIR": inst.folder}
    assert "Everything was deleted" in run([program, "try", "--once"], env=env)
    return None


TESTS = [used_from_c99, used_from_c11_static, used_from_cpp, exports_what_headers_declare, needs_libcrypto_alone, installed_programs_find_each_other]


def main():
    print(f"1..{len(TESTS)}")
    with tempfile.TemporaryDirectory(prefix="sealpost-lib-") as folder:
        inst = Installed(folder)
        for number, test in enumerate(TESTS, 1):
            try:
                skipped = test(inst)
                print(f"ok {number} - {test.__name__}" + (f" # SKIP {skipped}" if skipped else ""))
            except (AssertionError, OSError):
                print(f"not ok {number} - {test.__name__}")
                print("# " + traceback.format_exc().replace("\n", "\n# "), file=sys.stderr)


if __name__ == "__main__":
    main()
