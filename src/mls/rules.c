/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of the validation rules.
 */
#include "mls/rules_priv.h"

const char *sp__mls_rule_text(unsigned number)
{
	switch (number) {
#define X(number, section, text)                                                                                                           \
	case number:                                                                                                                       \
		return text;
		SP_MLS_RULES(X)
#undef X
	default:
		return "";
	}
}
