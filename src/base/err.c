/* SPDX-License-Identifier: Apache-2.0
 *
 * Names, texts and classes of errors, from the one list in sealpost/err.h.
 */
#include "base/base.h"

static const struct {
	const char *name;
	const char *text;
	enum sp_err_class class;
} errors[SP_ERR_COUNT_] = {
#define X(name, class, text) [SP_ERR_##name] = {"SP_ERR_" #name, text, SP_CLASS_##class},
	SP_ERR_MAP(X)
#undef X
};

static unsigned index_of(enum sp_err e)
{
	return (unsigned)e < SP_ERR_COUNT_ ? (unsigned)e : SP_ERR_BUG;
}

const char *sp_err_name(enum sp_err e)
{
	return errors[index_of(e)].name;
}

const char *sp_err_text(enum sp_err e)
{
	return errors[index_of(e)].text;
}

enum sp_err_class sp_err_class(enum sp_err e)
{
	return errors[index_of(e)].class;
}
