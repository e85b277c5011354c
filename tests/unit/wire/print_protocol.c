/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the parts of docs/protocol.md that are made from the lists, to be pasted there when a list changes.
 */
#include <stdio.h>

#include "protocol_text.h"
#include "rules/rules.h"
#include "wire/errors.h"
#include "wire/labels.h"

int main(void)
{
	char text[TEXT_MAX];
	size_t n;
	const struct sp_wire_type_info *types = sp_wire_type_all(&n);
	for (size_t i = 0; i < n; i++) {
		text_type(text, &types[i]);
		fputs(text, stdout);
	}
#define X(number, NAME, err, when) printf("| %d | %s | %s |\n", number, #NAME, when);
	SP_WIRE_ERRORS(X)
#undef X
#define X(NAME, label, use) printf("| `%s` | %s |\n", label, use);
	SP_WIRE_LABELS(X)
#undef X
#define X(number, NAME, when) printf("| %d | %s | %s |\n", number, #NAME, when);
	SP_RULES(X)
#undef X
	for (size_t i = 0; sp_wire_layout_at(i); i++) {
		if (sp_wire_layout_at(i)->n == 0)
			continue;
		text_struct(text, sp_wire_layout_at(i));
		puts(text);
	}
	return 0;
}
