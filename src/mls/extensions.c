/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of extensions (RFC 9420 sections 7.2 and 13.4) and lists of code points. Both stay encoded; they are checked
 * once, when read, so that walking them later cannot fail.
 */
#include "mls/leaf_priv.h"

#include "base/limits.h"

/* struct {
 *     ExtensionType extension_type;
 *     opaque extension_data<V>;
 * } Extension; */
static enum sp_err read_extension(struct sp_reader *r, struct sp_mls_extension *out)
{
	*out = (struct sp_mls_extension){0};
	SP_TRY(sp_read_u16(r, &out->type));
	return sp_read_vec(r, &out->data, SP_LIMIT_MLS_VECTOR);
}

static enum sp_err check_list(struct sp_bytes content, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(content);
	uint16_t seen[SP_LIMIT_MLS_EXTENSIONS];
	for (size_t n = 0; !sp_reader_is_empty(&r); n++) {
		struct sp_mls_extension ext;
		if (n == SP_LIMIT_MLS_EXTENSIONS)
			return SP_ERR_TOO_MANY;
		SP_TRY(read_extension(&r, &ext));
		for (size_t i = 0; i < n; i++)
			if (seen[i] == ext.type)
				return SP_RULE(diag, SP_ERR_INVALID, 100);
		seen[n] = ext.type;
	}
	return SP_OK;
}

enum sp_err sp__mls_extensions_read(struct sp_reader *r, struct sp_bytes *out_list, struct sp_diag *diag)
{
	struct sp_reader try = *r;
	*out_list = SP_BYTES_NONE;
	struct sp_bytes content;
	SP_TRY(sp_read_vec(&try, &content, SP_LIMIT_MLS_VECTOR));
	SP_TRY(check_list(content, diag));
	*r = try;
	*out_list = content;
	return SP_OK;
}

void sp__mls_extensions_write(struct sp_writer *w, struct sp_mls_extensions list)
{
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < list.n; i++) {
		sp_write_u16(w, list.list[i].type);
		sp_write_vec(w, list.list[i].data);
	}
	sp_write_close(w, mark);
}

bool sp__mls_extension_has_next(struct sp_bytes *list, struct sp_mls_extension *out)
{
	struct sp_reader r = sp_reader_of(*list);
	if (sp_reader_is_empty(&r) || read_extension(&r, out) != SP_OK)
		return false;
	*list = r.rest;
	return true;
}

bool sp__mls_extension_has(struct sp_bytes list, uint16_t type, struct sp_bytes *out_data)
{
	struct sp_mls_extension ext;
	*out_data = SP_BYTES_NONE;
	while (sp__mls_extension_has_next(&list, &ext)) {
		if (ext.type != type)
			continue;
		*out_data = ext.data;
		return true;
	}
	return false;
}

bool sp__mls_types_has(struct sp_bytes list, uint16_t value)
{
	for (size_t i = 0; i + 1 < list.n; i += 2)
		if ((list.p[i] << 8 | list.p[i + 1]) == value)
			return true;
	return false;
}

enum sp_err sp__mls_types_read(struct sp_reader *r, struct sp_bytes *out)
{
	struct sp_reader try = *r;
	struct sp_bytes content;
	*out = SP_BYTES_NONE;
	SP_TRY(sp_read_vec(&try, &content, SP_LIMIT_MLS_VECTOR));
	if (content.n % 2 != 0)
		return SP_ERR_ENCODING;
	if (content.n / 2 > SP_LIMIT_MLS_TYPES)
		return SP_ERR_TOO_MANY;
	*r = try;
	*out = content;
	return SP_OK;
}

void sp__mls_types_write(struct sp_writer *w, struct sp_mls_types list)
{
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < list.n; i++)
		sp_write_u16(w, list.list[i]);
	sp_write_close(w, mark);
}

bool sp__mls_extension_is_default(uint16_t type)
{
	return type >= SP_MLS_EXTENSION_APPLICATION_ID && type <= SP_MLS_EXTENSION_EXTERNAL_SENDERS;
}

bool sp__mls_proposal_is_default(uint16_t type)
{
	return type >= SP_MLS_PROPOSAL_ADD && type <= SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS;
}

/* struct {
 *     ExtensionType extension_types<V>;
 *     ProposalType proposal_types<V>;
 *     CredentialType credential_types<V>;
 * } RequiredCapabilities; */
enum sp_err sp__mls_required_capabilities_decode(struct sp_bytes data, struct sp_mls_required_capabilities *out)
{
	struct sp_reader r = sp_reader_of(data);
	*out = (struct sp_mls_required_capabilities){0};
	SP_TRY(sp__mls_types_read(&r, &out->extensions));
	SP_TRY(sp__mls_types_read(&r, &out->proposals));
	SP_TRY(sp__mls_types_read(&r, &out->credentials));
	return sp_reader_finish(&r);
}

enum sp_err sp_mls_required_capabilities_encode(struct sp_buf *out, struct sp_mls_types extensions, struct sp_mls_types proposals,
						struct sp_mls_types credentials)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_types_write(&w, extensions);
	sp__mls_types_write(&w, proposals);
	sp__mls_types_write(&w, credentials);
	return sp_writer_finish(&w);
}
