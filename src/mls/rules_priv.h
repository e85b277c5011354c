/* SPDX-License-Identifier: Apache-2.0
 *
 * SP_RULE(diag, err, NUMBER): fails with a rule of rules_list.h; its text comes from the list. A number that is not in
 * the list does not compile.
 */
#ifndef SP_MLS_RULES_PRIV_H
#define SP_MLS_RULES_PRIV_H

#include "base/base.h"
#include "mls/rules_list.h"

#define X(number, section, text) SP_MLS_V_##number = number,
enum sp_mls_rule { SP_MLS_RULES(X) SP_MLS_V_NONE = 0 };
#undef X

/* The text of a rule; "" for an unknown one. */
const char *sp__mls_rule_text(unsigned number);

#define SP_RULE(diag, e, number) SP_FAIL((diag), (e), SP_MLS_V_##number, sp__mls_rule_text(number))

#endif
