/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor: what one primitive costs through our wrappers, in microseconds of this process's CPU time (the median of
 * several rounds), so that what MLS adds can be told from what OpenSSL takes. `bench_primitives [ROUNDS]`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"

#define ROUNDS_MAX 101

struct bench {
	struct sp_rng rng;
	struct sp_sign_key *sign;
	struct sp_signer signer;
	struct sp_verify_key *verify;
	struct sp_secret priv;
	struct sp_kem_public pub;
	struct sp_buf sig, sealed, enc, out;
	enum sp_sig sig_alg;
	struct sp_hpke_suite suite;
	size_t message_n; /* AEAD only */
};

static const uint8_t text[64u << 10], aead_key[32], nonce[SP_AEAD_NONCE];
static const struct sp_bytes tbs = {text, 300}, path_secret = {text, 32}, info = {text, 150};

static struct sp_bytes bench_key(const struct bench *b)
{
	return (struct sp_bytes){aead_key, sp_aead_key_size(b->suite.aead)};
}

static enum sp_err do_hash(struct bench *b)
{
	struct sp_hash32 h;
	return sp_sha256(&h, (struct sp_bytes){text, 64});
}

static enum sp_err do_expand(struct bench *b)
{
	uint8_t out[32];
	return sp_hkdf_expand(out, sizeof out, SP_HASH_SHA256, path_secret, (struct sp_bytes){text, 40});
}

static enum sp_err do_extract(struct bench *b)
{
	struct sp_secret out;
	return sp_hkdf_extract(&out, SP_HASH_SHA256, path_secret, path_secret);
}

static enum sp_err do_seal(struct bench *b)
{
	b->out.n = 0;
	return sp_aead_seal(&b->out, b->suite.aead, bench_key(b), nonce, info, (struct sp_bytes){text, b->message_n});
}

static enum sp_err do_open(struct bench *b)
{
	b->out.n = 0;
	return sp_aead_open(&b->out, b->suite.aead, bench_key(b), nonce, info, sp_buf_bytes(&b->sealed));
}

static enum sp_err do_keygen(struct bench *b)
{
	struct sp_secret priv;
	struct sp_kem_public pub;
	return sp_kem_generate(b->suite.kem, &b->rng, &priv, &pub);
}

static enum sp_err do_hpke_seal(struct bench *b)
{
	b->enc.n = b->sealed.n = 0;
	return sp_hpke_seal(&b->enc, &b->sealed, &b->suite, &b->rng, sp_kem_public_bytes(&b->pub), info, SP_BYTES_NONE, path_secret);
}

static enum sp_err do_hpke_open(struct bench *b)
{
	b->out.n = 0;
	return sp_hpke_open(&b->out, &b->suite, sp_buf_bytes(&b->enc), sp_secret_bytes(&b->priv), sp_kem_public_bytes(&b->pub), info,
			    SP_BYTES_NONE, sp_buf_bytes(&b->sealed));
}

static enum sp_err do_sign(struct bench *b)
{
	b->sig.n = 0;
	return sp_sign(&b->signer, &b->sig, tbs);
}

static enum sp_err do_verify(struct bench *b)
{
	return sp_verify(b->verify, tbs, sp_buf_bytes(&b->sig));
}

static enum sp_err do_verify_key(struct bench *b)
{
	struct sp_verify_key *key;
	enum sp_err e = sp_verify_key_new(&key, b->sig_alg, b->signer.public_key);
	sp_verify_key_free(&key);
	return e;
}

typedef enum sp_err run_fn(struct bench *b);

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void must(enum sp_err e, const char *what)
{
	if (e == SP_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, sp_err_text(e));
	exit(1);
}

/* Each round runs long enough (about 2 ms) for the clock to be fine. */
static void measure(const char *name, run_fn *run, struct bench *b, unsigned rounds)
{
	double us[ROUNDS_MAX], start = now_us();
	must(run(b), name);
	unsigned repeat = 1 + (unsigned)(2000.0 / (now_us() - start + 0.1));
	for (unsigned r = 0; r < rounds; r++) {
		start = now_us();
		for (unsigned i = 0; i < repeat; i++)
			must(run(b), name);
		us[r] = (now_us() - start) / repeat;
	}
	qsort(us, rounds, sizeof us[0], by_value);
	printf("%-44s %10.2f\n", name, us[rounds / 2]);
}

static void measure_hash(struct bench *b, unsigned rounds)
{
	measure("SHA-256, 64 bytes", do_hash, b, rounds);
	measure("HKDF-Extract, SHA-256", do_extract, b, rounds);
	measure("HKDF-Expand, SHA-256, 32 bytes", do_expand, b, rounds);
}

static void measure_aead(struct bench *b, unsigned rounds)
{
	static const size_t sizes[] = {64, 1024, 64u << 10};
	char name[64];
	b->suite.aead = SP_AEAD_AES128GCM;
	for (size_t i = 0; i < SP_ARRAY_LEN(sizes); i++) {
		b->message_n = sizes[i];
		snprintf(name, sizeof name, "AES-128-GCM seal, %zu bytes", sizes[i]);
		measure(name, do_seal, b, rounds);
		b->sealed.n = 0;
		must(sp_buf_append(&b->sealed, sp_buf_bytes(&b->out)), name);
		snprintf(name, sizeof name, "AES-128-GCM open, %zu bytes", sizes[i]);
		measure(name, do_open, b, rounds);
	}
}

static void measure_suite(const char *suite, struct bench *b, unsigned rounds)
{
	char name[64];
	must(sp_kem_generate(b->suite.kem, &b->rng, &b->priv, &b->pub), suite);
	must(sp_sign_key_generate(&b->sign, b->sig_alg), suite);
	b->signer = sp_sign_key_signer(b->sign);
	must(sp_verify_key_new(&b->verify, b->sig_alg, b->signer.public_key), suite);
	const struct {
		const char *what;
		run_fn *run;
	} steps[] = {{"KEM key pair", do_keygen},  {"HPKE seal, 32 bytes", do_hpke_seal}, {"HPKE open, 32 bytes", do_hpke_open},
		     {"sign, 300 bytes", do_sign}, {"verify, 300 bytes", do_verify},      {"decode a verification key", do_verify_key}};
	for (size_t i = 0; i < SP_ARRAY_LEN(steps); i++) {
		snprintf(name, sizeof name, "%s %s", suite, steps[i].what);
		measure(name, steps[i].run, b, rounds);
	}
	sp_sign_key_free(&b->sign);
	sp_verify_key_free(&b->verify);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 11;
	struct bench b = {.rng = sp_rng_system()};
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: %s [ROUNDS, at most %d]\n", argv[0], ROUNDS_MAX);
		return 2;
	}
	must(sp_crypto_init(), "OpenSSL");
	sp_buf_init(&b.sig, 200);
	sp_buf_init(&b.enc, 200);
	sp_buf_init(&b.sealed, 100u << 10);
	sp_buf_init(&b.out, 100u << 10);
	printf("%-44s %10s\n", "primitive", "CPU us");
	measure_hash(&b, (unsigned)rounds);
	measure_aead(&b, (unsigned)rounds);
	b.suite = (struct sp_hpke_suite){SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM};
	b.sig_alg = SP_SIG_ED25519;
	measure_suite("suite 1:", &b, (unsigned)rounds);
	b.suite.kem = SP_KEM_P256;
	b.sig_alg = SP_SIG_ECDSA_P256_SHA256;
	measure_suite("suite 2:", &b, (unsigned)rounds);
	sp_secret_clear(&b.priv);
	sp_buf_clear(&b.sig);
	sp_buf_clear(&b.enc);
	sp_buf_clear(&b.sealed);
	sp_buf_clear(&b.out);
	return 0;
}
