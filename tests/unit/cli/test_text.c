/* SPDX-License-Identifier: Apache-2.0
 *
 * What other people wrote, on its way to a terminal (ATTACKS N09), and exit codes by class.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cli/cli_priv.h"

static void check_put(struct sp_bytes in, enum sp_cli_put how, const char *want)
{
	char *got = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&got, &n);
	assert_non_null(f);
	sp__cli_put(f, in, how);
	fclose(f);
	assert_string_equal(got, want);
	free(got);
}

#define LINE(in, want) check_put(SP_BYTES_LIT(in), SP_CLI_PUT_LINE, want)
#define BLOCK(in, want) check_put(SP_BYTES_LIT(in), SP_CLI_PUT_BLOCK, want)

static void N09_plain_text_stays(void **state)
{
	LINE("Hello, Bob", "Hello, Bob");
	LINE("Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x8f\x97", "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x8f\x97");
	LINE("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7"); /* a joined emoji */
	LINE("", "");
}

static void N09_controls_are_shown(void **state)
{
	LINE("\033[2Jx", "\\u{1b}[2Jx");
	LINE("a\a\b\r\x7f", "a\\u{7}\\u{8}\\u{d}\\u{7f}");
	LINE("\xc2\x9b" "31m", "\\u{9b}31m"); /* CSI as one C1 character */
	LINE("two\nlines\tand", "two\\nlines\\u{9}and");
	check_put((struct sp_bytes){(const uint8_t *)"a\0b", 3}, SP_CLI_PUT_LINE, "a\\u{0}b");
}

static void N09_direction_overrides_are_shown(void **state)
{
	LINE("\xe2\x80\xae" "evil", "\\u{202e}evil");
	LINE("\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c\xe2\x80\x8f", "\\u{2066}\\u{2069}\\u{61c}\\u{200f}");
	LINE("\xef\xbb\xbf\xe2\x80\xa8", "\\u{feff}\\u{2028}");
	LINE("\xf3\xa0\x81\x81", "\\u{e0041}");
}

static void N09_broken_utf8_is_shown(void **state)
{
	LINE("\xff", "\\xff");
	LINE("a\x80z", "a\\x80z");
	LINE("\xc0\xaf", "\\xc0\\xaf");                     /* overlong */
	LINE("\xe0\x80\x9b", "\\xe0\\x80\\x9b");             /* overlong CSI */
	LINE("\xed\xa0\x80", "\\xed\\xa0\\x80");             /* surrogate */
	LINE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");    /* beyond U+10FFFF */
	LINE("\xe2\x80", "\\xe2\\x80");                      /* cut short */
}

static void a_block_cannot_pose_as_ours(void **state)
{
	BLOCK("text\nsigned ok", "text\n  signed ok");
	BLOCK("text\r\nsealpost: x", "text\\u{d}\n  sealpost: x");
	BLOCK("a\tb", "a\tb");
}

static void json_text_is_always_utf8(void **state)
{
	json_t *j = sp__cli_json_text(SP_BYTES_LIT("a\xff\xc3\xbc"));
	assert_non_null(j);
	assert_string_equal(json_string_value(j), "a\xef\xbf\xbd\xc3\xbc");
	json_decref(j);
	j = sp__cli_json_text(SP_BYTES_NONE);
	assert_string_equal(json_string_value(j), "");
	json_decref(j);
}

static void widths_count_characters(void **state)
{
	assert_int_equal(sp__cli_width(SP_BYTES_LIT("Gr\xc3\xbc\xc3\x9f" "e")), 5);
	assert_int_equal(sp__cli_width(SP_BYTES_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(N09_plain_text_stays),
		cmocka_unit_test(N09_controls_are_shown),
		cmocka_unit_test(N09_direction_overrides_are_shown),
		cmocka_unit_test(N09_broken_utf8_is_shown),
		cmocka_unit_test(a_block_cannot_pose_as_ours),
		cmocka_unit_test(json_text_is_always_utf8),
		cmocka_unit_test(widths_count_characters),
	};
	return cmocka_run_group_tests_name("cli/text", tests, NULL, NULL);
}
