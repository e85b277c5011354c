/* SPDX-License-Identifier: Apache-2.0
 *
 * Between our errors and the numbers on the wire. What has no number of its own is told by its class.
 */
#include "wire/errors.h"

static const struct {
	uint16_t number;
	enum sp_err err;
	const char *name;
} errors[] = {
#define X(number, NAME, err, text) {SP_WIRE_ERROR_##NAME, SP_ERR_##err, #NAME},
	SP_WIRE_ERRORS(X)
#undef X
};

static enum sp_wire_error of_class(enum sp_err_class class)
{
	switch (class) {
	case SP_CLASS_OK:
		return SP_WIRE_ERROR_OK;
	case SP_CLASS_AGAIN:
		return SP_WIRE_ERROR_BUSY;
	case SP_CLASS_INPUT:
		return SP_WIRE_ERROR_MALFORMED;
	case SP_CLASS_AUTH:
		return SP_WIRE_ERROR_DENIED;
	case SP_CLASS_STATE:
		return SP_WIRE_ERROR_WRONG_STATE;
	case SP_CLASS_LIMIT:
		return SP_WIRE_ERROR_TOO_MANY;
	case SP_CLASS_NOTFOUND:
		return SP_WIRE_ERROR_NOT_FOUND;
	case SP_CLASS_IO:
	case SP_CLASS_NOMEM:
	case SP_CLASS_USAGE:
	case SP_CLASS_BUG:
		break;
	}
	return SP_WIRE_ERROR_INTERNAL;
}

enum sp_wire_error sp_wire_error_of(enum sp_err e)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(errors); i++) {
		if (errors[i].err == e)
			return (enum sp_wire_error)errors[i].number; /* DENIED stands before REFUSED in the list */
	}
	return of_class(sp_err_class(e));
}

enum sp_err sp_wire_error_err(uint16_t number)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(errors); i++) {
		if (errors[i].number == number)
			return errors[i].err;
	}
	return SP_ERR_UNSUPPORTED;
}

const char *sp_wire_error_name(uint16_t number)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(errors); i++) {
		if (errors[i].number == number)
			return errors[i].name;
	}
	return "?";
}
