/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 9180 appendix A and the further base-mode cases of the file: DeriveKeyPair, SealBase with the given ephemeral
 * ikm, OpenBase, export from both ends. Cases of the export-only AEAD (0xffff), which we do not offer, are passed over.
 */
#include "kat.h"

#include "crypto/kem_priv.h"

#define EXPORT_ONLY 0xffff

/* A random source that says what the vector says, once. */
static enum sp_err say(void *ctx, uint8_t *out, size_t n)
{
	const struct sp_bytes *ikm = ctx;
	assert_int_equal(ikm->n, n);
	sp_copy(out, ikm->p, n);
	return SP_OK;
}

static void check_pair(enum sp_kem kem, struct sp_bytes ikm, struct sp_bytes want_priv, struct sp_bytes want_pub)
{
	struct sp_secret priv;
	struct sp_kem_public pub;
	assert_int_equal(sp_kem_derive(kem, ikm, &priv, &pub), SP_OK);
	assert_true(sp_bytes_equal(sp_secret_bytes(&priv), want_priv));
	assert_true(sp_bytes_equal(sp_kem_public_bytes(&pub), want_pub));
	assert_int_equal(sp_kem_public_of(kem, want_priv, &pub), SP_OK);
	assert_true(sp_bytes_equal(sp_kem_public_bytes(&pub), want_pub));
	assert_int_equal(sp_kem_public_check(kem, want_pub), SP_OK);
}

struct parties {
	struct sp_hpke_suite suite;
	struct sp_bytes ikm_e, priv, pub, enc, info;
};

static void check_message(const struct parties *p, const json_t *m)
{
	struct sp_rng rng = {say, (void *)(uintptr_t)&p->ikm_e};
	struct sp_buf enc, ct, pt;
	sp_buf_init(&enc, 1000);
	sp_buf_init(&ct, 1000);
	sp_buf_init(&pt, 1000);
	struct sp_bytes plain = kat_hex(m, "pt"), aad = kat_hex(m, "aad"), want = kat_hex(m, "ct");
	assert_int_equal(sp_hpke_seal(&enc, &ct, &p->suite, &rng, p->pub, p->info, aad, plain), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&enc), p->enc));
	assert_true(sp_bytes_equal(sp_buf_bytes(&ct), want));
	assert_int_equal(sp_hpke_open(&pt, &p->suite, p->enc, p->priv, p->pub, p->info, aad, want), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&pt), plain));
	sp_buf_clear(&pt);
	assert_int_equal(sp_hpke_open(&pt, &p->suite, p->enc, p->priv, SP_BYTES_NONE, p->info, aad, want), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&pt), plain));
	sp_buf_clear(&enc);
	sp_buf_clear(&ct);
	sp_buf_clear(&pt);
}

static void check_export(const struct parties *p, const json_t *x)
{
	struct sp_rng rng = {say, (void *)(uintptr_t)&p->ikm_e};
	uint8_t out[64];
	struct sp_buf enc;
	sp_buf_init(&enc, 1000);
	size_t n = (size_t)kat_int(x, "L");
	struct sp_bytes context = kat_hex(x, "exporter_context"), want = kat_hex(x, "exported_value");
	assert_true(n <= sizeof out);
	assert_int_equal(sp_hpke_send_export(&enc, out, n, &p->suite, &rng, p->pub, p->info, context), SP_OK);
	assert_true(sp_bytes_equal((struct sp_bytes){out, n}, want));
	assert_true(sp_bytes_equal(sp_buf_bytes(&enc), p->enc));
	assert_int_equal(sp_hpke_receive_export(out, n, &p->suite, p->enc, p->priv, p->pub, p->info, context), SP_OK);
	assert_true(sp_bytes_equal((struct sp_bytes){out, n}, want));
	sp_buf_clear(&enc);
}

static void check_case(const json_t *c)
{
	enum sp_kem kem = (enum sp_kem)kat_int(c, "kem_id");
	struct parties p = {.suite = {kem, (enum sp_kdf)kat_int(c, "kdf_id"), (enum sp_aead)kat_int(c, "aead_id")},
			    .ikm_e = kat_hex(c, "ikmE"),
			    .priv = kat_hex(c, "skRm"),
			    .pub = kat_hex(c, "pkRm"),
			    .enc = kat_hex(c, "enc"),
			    .info = kat_hex(c, "info")};
	check_pair(kem, kat_hex(c, "ikmR"), p.priv, p.pub);
	check_pair(kem, p.ikm_e, kat_hex(c, "skEm"), kat_hex(c, "pkEm"));
	size_t i;
	json_t *x;
	json_array_foreach(json_object_get(c, "exports"), i, x) check_export(&p, x);
	/* nonces count up within one context; ours is for one message: sequence number 0 */
	check_message(&p, json_array_get(json_object_get(c, "encryptions"), 0));
}

static void base_mode(void **state)
{
	json_t *all = kat_load("hpke/rfc9180-base-mode.json"), *c;
	size_t i, done = 0;
	json_array_foreach(all, i, c)
	{
		if (kat_int(c, "aead_id") == EXPORT_ONLY)
			continue;
		check_case(c);
		kat_reset();
		done++;
	}
	assert_int_equal(done, 24);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(base_mode)};
	return cmocka_run_group_tests_name("kat/hpke", tests, NULL, NULL);
}
