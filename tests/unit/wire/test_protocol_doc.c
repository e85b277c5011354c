/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/protocol.md says what the lists say: every type, error, label, rule and struct, letter by letter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "protocol_text.h"
#include "rules/rules.h"
#include "wire/errors.h"
#include "wire/labels.h"

static char document[1u << 20];

static void want(const char *text)
{
	if (!strstr(document, text))
		fail_msg("docs/protocol.md lacks:\n%s", text);
}

static int load(void **state)
{
	FILE *f = fopen(getenv("SEALPOST_PROTOCOL_MD"), "r");
	assert_non_null(f);
	size_t n = fread(document, 1, sizeof document - 1, f);
	document[n] = '\0';
	fclose(f);
	return 0;
}

static void types(void **state)
{
	char text[TEXT_MAX];
	size_t n;
	const struct sp_wire_type_info *all = sp_wire_type_all(&n);
	for (size_t i = 0; i < n; i++) {
		text_type(text, &all[i]);
		want(text);
	}
	want(SP_WIRE_ALPN);
}

static void errors(void **state)
{
#define X(number, NAME, err, when) want("| " #number " | " #NAME " | " when " |\n");
	SP_WIRE_ERRORS(X)
#undef X
}

static void labels(void **state)
{
#define X(NAME, label, use) want("| `" label "` | " use " |\n");
	SP_WIRE_LABELS(X)
#undef X
}

static void rules(void **state)
{
#define X(number, NAME, when) want("| " #number " | " #NAME " | " when " |\n");
	SP_RULES(X)
#undef X
}

static void structs(void **state)
{
	char text[TEXT_MAX];
	for (size_t i = 0; sp_wire_layout_at(i); i++) {
		if (sp_wire_layout_at(i)->n == 0)
			continue;
		text_struct(text, sp_wire_layout_at(i));
		want(text);
	}
}

/* The list of names and the names themselves: one text each. */
static void labels_are_one(void **state)
{
	size_t i = 0;
	const char *const constants[] = {SP_LABEL_DEVICE_LIST, SP_LABEL_INVITE, SP_LABEL_RECEIPT,
					 SP_LABEL_RECEIPT_KEY, SP_LABEL_DIRECT, SP_LABEL_EVERYONE};
#define X(NAME, label, use) assert_string_equal(constants[i++], label);
	SP_WIRE_LABELS(X)
#undef X
	assert_int_equal(i, SP_ARRAY_LEN(constants));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),   cmocka_unit_test(errors),  cmocka_unit_test(labels),
		cmocka_unit_test(rules),   cmocka_unit_test(structs), cmocka_unit_test(labels_are_one),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
