/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials, RFC 9420 section 5.3. Their meaning is the validator's; here is only the shape. A type we do not know is
 * read as one opaque<V>, as basic and x509 are, and kept byte-exact.
 */
#include "mls/leaf_priv.h"

#include "base/limits.h"

/* struct {
 *     CredentialType credential_type;
 *     select (Credential.credential_type) {
 *         case basic: opaque identity<V>;
 *         case x509:  Certificate certificates<V>;   // struct { opaque cert_data<V>; } Certificate;
 *     };
 * } Credential; */

static enum sp_err check_chain(struct sp_bytes data, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(data);
	if (sp_reader_is_empty(&r))
		return SP_RULE(diag, SP_ERR_INVALID, 102);
	while (!sp_reader_is_empty(&r)) {
		struct sp_bytes der;
		SP_TRY(sp_read_vec(&r, &der, SP_LIMIT_MLS_VECTOR));
	}
	return SP_OK;
}

enum sp_err sp__mls_credential_read(struct sp_reader *r, struct sp_mls_credential *out, struct sp_diag *diag)
{
	struct sp_reader try = *r;
	struct sp_mls_credential c = {0};
	*out = c;
	SP_TRY(sp_read_u16(&try, &c.type));
	SP_TRY(sp_read_vec(&try, &c.data, SP_LIMIT_MLS_VECTOR));
	if (c.type == SP_MLS_CREDENTIAL_X509)
		SP_TRY(check_chain(c.data, diag));
	*r = try;
	*out = c;
	return SP_OK;
}

void sp__mls_credential_write(struct sp_writer *w, const struct sp_mls_credential *credential)
{
	sp_write_u16(w, credential->type);
	sp_write_vec(w, credential->data);
}

enum sp_err sp_mls_credential_certificate(struct sp_bytes *out_der, const struct sp_mls_credential *credential, size_t index)
{
	struct sp_reader r = sp_reader_of(credential->data);
	struct sp_bytes der = SP_BYTES_NONE;
	*out_der = SP_BYTES_NONE;
	if (credential->type != SP_MLS_CREDENTIAL_X509)
		return SP_ERR_NOT_FOUND;
	for (size_t i = 0; i <= index; i++) {
		if (sp_reader_is_empty(&r))
			return SP_ERR_NOT_FOUND;
		SP_TRY(sp_read_vec(&r, &der, SP_LIMIT_MLS_VECTOR));
	}
	*out_der = der;
	return SP_OK;
}

enum sp_err sp_mls_credential_chain(struct sp_buf *out, const struct sp_bytes *ders, size_t n)
{
	struct sp_writer w = sp_writer_on(out);
	for (size_t i = 0; i < n; i++)
		sp_write_vec(&w, ders[i]);
	return sp_writer_finish(&w);
}
