/* SPDX-License-Identifier: Apache-2.0
 *
 * The window of requests answered, in memory.
 */
#include "store/mem/mem_priv.h"

enum sp_err sp__mem_stamp_judge(const struct sp__mem_device *device, struct sp_store_op *op)
{
	uint64_t reqno = op->stamp.reqno;
	const struct sp__mem_answer *answer = &device->window[reqno % SP_STORE_WINDOW];
	if (reqno > device->high)
		return SP_OK;
	if (reqno + SP_STORE_WINDOW <= device->high)
		return SP_ERR_STALE_REQNO;
	if (answer->reqno != reqno)
		return SP_OK; /* a number that was skipped */
	if (!sp_hash32_equal(&answer->hash, &op->stamp.hash))
		return SP_ERR_STALE_REQNO;
	op->replayed = true;
	op->seq = answer->seq;
	op->time = answer->time;
	return sp_buf_append(&op->taken, sp__mem_bytes(&answer->taken));
}

enum sp_err sp__mem_stamp_keep(struct sp__mem_device *device, const struct sp_store_op *op)
{
	struct sp__mem_answer *answer = &device->window[op->stamp.reqno % SP_STORE_WINDOW];
	SP_TRY(sp__mem_blob_set(&answer->taken, sp_buf_bytes(&op->taken)));
	answer->reqno = op->stamp.reqno;
	answer->hash = op->stamp.hash;
	answer->seq = op->seq;
	answer->time = op->time;
	device->high = SP_MAX(device->high, op->stamp.reqno);
	return SP_OK;
}
