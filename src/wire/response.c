/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of every response.
 */
#include "wire/response.h"

SP_WIRE_DEFINE(response_head, SP_WIRE_RESPONSE_HEAD)

enum sp_err sp_wire_response_open(struct sp_wire_response_head *out_head, struct sp_bytes *out_body, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	*out_body = SP_BYTES_NONE;
	SP_TRY(sp_wire_response_head_read(&r, out_head));
	if (out_head->error != SP_WIRE_ERROR_OK)
		return sp_wire_error_err(out_head->error);
	*out_body = r.rest;
	return SP_OK;
}

enum sp_err sp_wire_empty_decode(struct sp_bytes in)
{
	return in.n == 0 ? SP_OK : SP_ERR_TRAILING;
}
