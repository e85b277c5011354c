/* SPDX-License-Identifier: Apache-2.0
 *
 * Signed device lists: the bytes. Structs as in device_list.h, same field order.
 */
#include "codec/codec.h"
#include "pki/device_list.h"

#define FORMAT 1u
#define ENTRY_MAX (32u + 16u + 2u + SP_LIMIT_NAME + 8u)
#define SIGNATURE_MAX 72u /* DER of two 32-byte integers */

static enum sp_err read_time(struct sp_reader *r, struct sp_time *out)
{
	uint64_t ms;
	SP_TRY(sp_read_u64(r, &ms));
	if (ms > INT64_MAX)
		return SP_ERR_INVALID;
	out->ms = (int64_t)ms;
	return SP_OK;
}

static enum sp_err read_entry(struct sp_reader *r, struct sp_device_entry *out)
{
	SP_TRY(sp_read_into(r, out->spki_hash.b, sizeof out->spki_hash.b));
	SP_TRY(sp_read_into(r, out->device_id.b, sizeof out->device_id.b));
	SP_TRY(sp_read_vec(r, &out->name, SP_LIMIT_NAME));
	return read_time(r, &out->added);
}

static enum sp_err check_unique(const struct sp_device_list *list)
{
	const struct sp_device_entry *last = &list->devices[list->devices_n - 1];
	for (size_t i = 0; i + 1 < list->devices_n; i++)
		if (sp_hash32_equal(&list->devices[i].spki_hash, &last->spki_hash) || sp_id16_equal(&list->devices[i].device_id, &last->device_id))
			return SP_ERR_DUPLICATE;
	return SP_OK;
}

static enum sp_err read_devices(struct sp_reader *r, struct sp_device_list *out)
{
	struct sp_reader entries;
	SP_TRY(sp_read_child(r, &entries, SP_LIMIT_ACCOUNT_DEVICES * ENTRY_MAX));
	while (!sp_reader_is_empty(&entries)) {
		if (out->devices_n == SP_LIMIT_ACCOUNT_DEVICES)
			return SP_ERR_TOO_MANY;
		SP_TRY(read_entry(&entries, &out->devices[out->devices_n]));
		out->devices_n++;
		SP_TRY(check_unique(out));
	}
	return out->devices_n > 0 ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err read_recovery_key(struct sp_reader *r, struct sp_device_list *out)
{
	struct sp_pki_point point;
	SP_TRY(sp_read_vec(r, &out->recovery_key, SP_PKI_POINT));
	return out->recovery_key.n == 0 ? SP_OK : sp_pki_point_decode(&point, out->recovery_key);
}

static enum sp_err check_address(struct sp_bytes address)
{
	const uint8_t *at = address.n ? memchr(address.p, '@', address.n) : NULL;
	if (!at)
		return SP_ERR_INVALID;
	struct sp_bytes name = {address.p, (size_t)(at - address.p)};
	struct sp_bytes org = {at + 1, address.n - name.n - 1};
	return sp_pki_name_is_valid(name) && sp_pki_org_is_valid(org) ? SP_OK : SP_ERR_INVALID;
}

/* Only a list that follows another can have a predecessor or have broken with it. */
static enum sp_err check_first(const struct sp_device_list *list)
{
	static const struct sp_hash32 none;
	if (list->version == 0 || (list->flags & ~SP_DEVICE_LIST_RECOVERED) != 0)
		return SP_ERR_INVALID;
	if (list->version == 1 && (list->flags != 0 || !sp_hash32_equal(&list->previous_hash, &none)))
		return SP_ERR_INVALID;
	return SP_OK;
}

static enum sp_err read_list(struct sp_reader *r, struct sp_device_list *out)
{
	uint16_t format;
	SP_TRY(sp_read_u16(r, &format));
	if (format != FORMAT)
		return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_ERR_INVALID;
	SP_TRY(sp_read_into(r, out->account_id.b, sizeof out->account_id.b));
	SP_TRY(sp_read_vec(r, &out->address, SP_LIMIT_ADDRESS));
	SP_TRY(check_address(out->address));
	SP_TRY(sp_read_u32(r, &out->version));
	SP_TRY(sp_read_into(r, out->previous_hash.b, sizeof out->previous_hash.b));
	SP_TRY(sp_read_u8(r, &out->flags));
	SP_TRY(check_first(out));
	SP_TRY(read_devices(r, out));
	SP_TRY(read_recovery_key(r, out));
	return read_time(r, &out->time);
}

static enum sp_err decode(struct sp_signed_device_list *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	if (in.n > SP_LIMIT_DEVICE_LIST)
		return SP_ERR_TOO_LONG;
	SP_TRY(read_list(&r, &out->list));
	out->list_bytes = (struct sp_bytes){in.p, in.n - r.rest.n};
	SP_TRY(sp_read_vec(&r, &out->signer_key, SP_PKI_POINT));
	SP_TRY(sp_read_vec(&r, &out->signature, SIGNATURE_MAX));
	return sp_reader_finish(&r);
}

enum sp_err sp_device_list_decode(struct sp_signed_device_list *out, struct sp_bytes in)
{
	*out = (struct sp_signed_device_list){0};
	enum sp_err e = decode(out, in);
	if (e != SP_OK)
		*out = (struct sp_signed_device_list){0};
	return e;
}

static void write_list(struct sp_writer *w, const struct sp_device_list *list)
{
	sp_write_u16(w, FORMAT);
	sp_write_fixed(w, sp_id16_bytes(&list->account_id));
	sp_write_vec(w, list->address);
	sp_write_u32(w, list->version);
	sp_write_fixed(w, sp_hash32_bytes(&list->previous_hash));
	sp_write_u8(w, list->flags);
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < list->devices_n; i++) {
		const struct sp_device_entry *entry = &list->devices[i];
		sp_write_fixed(w, sp_hash32_bytes(&entry->spki_hash));
		sp_write_fixed(w, sp_id16_bytes(&entry->device_id));
		sp_write_vec(w, entry->name);
		sp_write_u64(w, (uint64_t)entry->added.ms);
	}
	sp_write_close(w, mark);
	sp_write_vec(w, list->recovery_key);
	sp_write_u64(w, (uint64_t)list->time.ms);
}

static enum sp_err sign(struct sp_buf *whole, struct sp_buf *signature, const struct sp_device_list *list, const struct sp_signer *signer)
{
	struct sp_signed_device_list again;
	struct sp_writer w = sp_writer_on(whole);
	write_list(&w, list);
	SP_TRY(sp_writer_finish(&w));
	SP_TRY(sp_sign_with_label(signer, signature, SP_BYTES_LIT(SP_DEVICE_LIST_LABEL), sp_buf_bytes(whole)));
	w = sp_writer_on(whole);
	sp_write_vec(&w, signer->public_key);
	sp_write_vec(&w, sp_buf_bytes(signature));
	SP_TRY(sp_writer_finish(&w));
	return sp_device_list_decode(&again, sp_buf_bytes(whole)) == SP_OK ? SP_OK : SP_ERR_USAGE;
}

enum sp_err sp_device_list_sign(struct sp_buf *out, const struct sp_device_list *list, const struct sp_signer *signer)
{
	struct sp_buf whole, signature;
	if (list->devices_n > SP_LIMIT_ACCOUNT_DEVICES || signer->alg != SP_SIG_ECDSA_P256_SHA256)
		return SP_ERR_USAGE;
	sp_buf_init(&whole, SP_LIMIT_DEVICE_LIST);
	sp_buf_init(&signature, SIGNATURE_MAX);
	enum sp_err e = sign(&whole, &signature, list, signer);
	if (e == SP_OK)
		e = sp_buf_append(out, sp_buf_bytes(&whole));
	sp_buf_clear(&whole);
	sp_buf_clear(&signature);
	return e;
}
