#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checkers themselves: each must fail on what it is there to refuse, and pass a small clean tree."""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class Tree:
    """A small project with the real tools in it."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(os.path.join(TOP, "tools"), os.path.join(folder, "tools"))
        self.write("tools/style-exceptions", "")
        self.write("src/LAYERS", "base:\nnet: base\npki: base\ncrypto: base\ncli: base pki\n")
        self.write("src/base/base.h", SPDX + "int sp_base_one(void);\n")
        self.write("src/base/README.md", "# base\n")
        self.write("src/pki/pki.h", SPDX + "int sp_pki_one(void);\n")
        self.write("src/pki/README.md", "# pki\n")
        self.write("Makefile", "test:\n")
        subprocess.run(["git", "init", "-q", folder], check=True)

    def write(self, path, text):
        full = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8", newline="") as f:
            f.write(text)

    def run(self, tool, *args):
        p = subprocess.run([os.path.join(self.folder, "tools", tool), *args], cwd=self.folder, capture_output=True, text=True, check=False)
        return p.returncode, p.stdout + p.stderr


def refuses(tree, tool, path, text, word):
    code, out = tree.run(tool)
    assert code == 0, f"{tool} fails on the clean tree: {out}"
    tree.write(path, text)
    code, out = tree.run(tool)
    assert code != 0 and word in out, f"{tool} let {path} pass: {out!r}"


def layers_upward(t):
    refuses(t, "check-layers", "src/base/x.c", SPDX + '#include "pki/pki.h"\n', "may not include pki")


def layers_private(t):
    t.write("src/pki/pki_priv.h", SPDX)
    refuses(t, "check-layers", "src/cli/x.c", SPDX + '#include "pki/pki_priv.h"\n', "private")


def layers_library(t):
    refuses(t, "check-layers", "src/pki/x.c", SPDX + "#include <uv.h>\n", "belongs in net")


def layers_openssl(t):
    refuses(t, "check-layers", "src/pki/x.c", SPDX + "#  include <openssl/evp.h>\n", "belongs in crypto")


def layers_unknown_room(t):
    refuses(t, "check-layers", "src/attic/x.c", SPDX, "not in src/LAYERS")


def style_banned(t):
    refuses(t, "check-style", "src/base/x.c", SPDX + "void f(char *a)\n{\n\tstrcpy(a, a);\n}\n", "strcpy() is banned")


def style_comment_is_no_code(t):
    t.write("src/base/x.c", SPDX + "/* never strcpy() */\nconst char *s = \"strcpy(a)\";\n")
    code, out = t.run("check-style")
    assert code == 0, out


def style_raw_memory(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "void f(void *a)\n{\n\tfree(a);\n}\n", "free() outside base")


def style_truth(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "void f(void)\n{\n\tif (sp_pki_verify(g(1), 2))\n\t\treturn;\n}\n", "truth value")


def style_truth_allows_comparison(t):
    t.write("src/pki/x.c", SPDX + "void f(void)\n{\n\tif (sp_pki_verify(g(1), 2) != SP_OK || sp_pki_is_good(3))\n\t\treturn;\n}\n")
    code, out = t.run("check-style")
    assert code == 0, out


def style_bool_name(t):
    refuses(t, "check-style", "src/pki/x.h", SPDX + "bool sp_pki_check(int a);\n", "returns bool")


def style_long_function(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "void f(void)\n{\n" + "\tg();\n" * 90 + "}\n", "function of")


def style_long_file(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "int a;\n" * 900, "more than one idea")


def style_spdx(t):
    refuses(t, "check-style", "src/pki/x.c", "int a;\n", "SPDX")


def style_promise(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "/* TO" + "DO later */\n", "finish it")


def style_crlf(t):
    refuses(t, "check-style", "src/pki/x.c", SPDX + "int a;\r\n", "CRLF")


def style_unfuzzed_decoder(t):
    refuses(t, "check-style", "src/pki/new.h", SPDX + "int sp_pki_thing_decode(int a);\n", "no fuzz target")


def style_readme(t):
    refuses(t, "check-style", "src/cli/x.c", SPDX, "no README")


def style_stale_exception(t):
    t.write("src/pki/x.c", SPDX + "void f(void *a)\n{\n\tfree(a);\n}\n")
    t.write("tools/style-exceptions", "raw src/pki/x.c 1 reason\n")
    code, out = t.run("check-style")
    assert code == 0, out
    t.write("src/pki/x.c", SPDX)
    code, out = t.run("check-style")
    assert code != 0 and "no longer needed" in out, out


def duplicates(t):
    body = "".join(f"\tsp_base_step_{i}(a, {i});\n" for i in range(14))
    t.write("src/base/x.c", SPDX + "void f(int a)\n{\n" + body + "}\n")
    refuses(t, "check-duplicates", "src/pki/x.c", SPDX + "void g(int b)\n{\n" + body.replace("(a,", "(b,") + "}\n", "lines as in")


def docs_link(t):
    refuses(t, "check-docs", "README.md", "[gone](gone.md)\n", "no such file")


def docs_function(t):
    refuses(t, "check-docs", "A.md", "`src/pki/pki.h:sp_pki_two`\n", "has no sp_pki_two")


def docs_command(t):
    t.write("src/cli/cli.c", SPDX + 'x = {\n\t{"send", 1},\n};\n')
    refuses(t, "check-docs", "A.md", "```\n$ sealpost fly bob\n```\n", "no command fly")


def docs_make_target(t):
    refuses(t, "check-docs", "A.md", "```\nmake coffee\n```\n", "no command coffee")


def docs_test_name(t):
    refuses(t, "check-docs", "A.md", "`seed_22_nobody`\n", "no test seed_22_nobody")


def summary_counts_crashes(t):
    t.write("log.json", '{"name": "p:unit / a", "result": "FAIL"}\n{"name": "p:unit / b", "result": "OK"}\n{"name": "p:unit / c", "result": "SKIP"}\n'
            '{"name": "p:unit / d", "result": "TIMEOUT"}\n')
    t.write("log.junit.xml", '<testsuites><testsuite name="p.p:unit / a"><testcase name="1"/><testcase name="2"/></testsuite>'
            '<testsuite name="p.p:unit / b"><testcase name="1"/><testcase name="2"><skipped/></testcase></testsuite></testsuites>')
    code, out = t.run("test-summary", "log")
    assert code == 1 and out.endswith("3 passed, 2 failed, 2 skipped\n"), out


def summary_refuses_nothing(t):
    t.write("log.json", "")
    code, out = t.run("test-summary", "log")
    assert code == 1 and "no test ran" in out, out
    code, out = t.run("test-summary", "gone")
    assert code == 1, out


TESTS = [f for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__" and n not in ("refuses", "main", "Tree")]


def main():
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory(prefix="sealpost-tools-") as folder:
            try:
                test(Tree(folder))
                print(f"ok {number} - {test.__name__}")
            except AssertionError:
                print(f"not ok {number} - {test.__name__}")
                print("# " + traceback.format_exc().replace("\n", "\n# "), file=sys.stderr)


if __name__ == "__main__":
    main()
