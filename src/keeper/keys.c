/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys at rest: PKCS#8 sealed with AES-256-GCM under a key-encryption key, which comes from systemd
 * ($CREDENTIALS_DIRECTORY/sealpost.kek) or from the file `kek` beside them. The file protects backups that leave it out,
 * nothing more; the folder's mode is what protects a running machine.
 *
 * struct { uint16 format = 1; opaque nonce[12]; opaque sealed<V>; } KeyFile;   -- AAD: "sealpost keeper key 1 " + file name
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

#define KEK_SIZE 32u
#define FORMAT 1u
#define PKCS8_MAX 512u

static enum sp_err read_kek(struct sp_secret *out, int dir_fd, const char *name)
{
	struct sp_buf raw;
	sp_buf_init(&raw, KEK_SIZE + 1);
	enum sp_err e = sp__keeper_file_read(&raw, dir_fd, name);
	if (e == SP_OK)
		e = raw.n == KEK_SIZE ? sp_secret_set(out, sp_buf_bytes(&raw)) : SP_ERR_CORRUPT;
	sp_buf_clear(&raw);
	return e == SP_ERR_TOO_LONG ? SP_ERR_CORRUPT : e;
}

/* SP_ERR_NOT_FOUND when systemd gave none. */
static enum sp_err read_credential(struct sp_secret *out)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return SP_ERR_NOT_FOUND;
	enum sp_err e = read_kek(out, fd, "sealpost.kek");
	close(fd);
	return e;
}

enum sp_err sp__keeper_kek_open(struct sp_secret *out, int dir_fd)
{
	enum sp_err e = read_credential(out);
	return e == SP_ERR_NOT_FOUND ? read_kek(out, dir_fd, "kek") : e;
}

static enum sp_err make_kek_file(struct sp_secret *out, int dir_fd, const struct sp_rng *rng)
{
	out->n = KEK_SIZE;
	SP_TRY(sp_rng_fill(rng, out->b, KEK_SIZE));
	return sp__keeper_file_make(dir_fd, "kek", sp_secret_bytes(out));
}

enum sp_err sp__keeper_kek_make(struct sp_secret *out, int dir_fd, const struct sp_rng *rng)
{
	enum sp_err e = read_credential(out);
	return e == SP_ERR_NOT_FOUND ? make_kek_file(out, dir_fd, rng) : e;
}

static enum sp_err write_aad(struct sp_buf *out, const char *name)
{
	SP_TRY(sp_buf_append(out, SP_BYTES_LIT("sealpost keeper key 1 ")));
	return sp_buf_append(out, sp_bytes_str(name));
}

/* The buffers of one sealing, so that the steps own nothing. */
struct work {
	struct sp_buf plain, aad, sealed, file;
};

static void work_init(struct work *w)
{
	sp_buf_init(&w->plain, PKCS8_MAX);
	sp_buf_init(&w->aad, 128);
	sp_buf_init(&w->sealed, PKCS8_MAX + SP_AEAD_TAG);
	sp_buf_init(&w->file, PKCS8_MAX + 64);
}

static void work_clear(struct work *w)
{
	sp_buf_clear(&w->plain);
	sp_buf_clear(&w->aad);
	sp_buf_clear(&w->sealed);
	sp_buf_clear(&w->file);
}

static enum sp_err seal(struct work *w, const char *name, const struct sp_sign_key *key, const struct sp_secret *kek, const struct sp_rng *rng)
{
	uint8_t nonce[SP_AEAD_NONCE];
	SP_TRY(sp_rng_fill(rng, nonce, sizeof nonce));
	SP_TRY(sp_sign_key_to_pkcs8(key, &w->plain));
	SP_TRY(write_aad(&w->aad, name));
	SP_TRY(sp_aead_seal(&w->sealed, SP_AEAD_AES256GCM, sp_secret_bytes(kek), nonce, sp_buf_bytes(&w->aad), sp_buf_bytes(&w->plain)));
	struct sp_writer out = sp_writer_on(&w->file);
	sp_write_u16(&out, FORMAT);
	sp_write_fixed(&out, SP_BYTES_OF(nonce));
	sp_write_vec(&out, sp_buf_bytes(&w->sealed));
	return sp_writer_finish(&out);
}

enum sp_err sp__keeper_key_save(int dir_fd, const char *name, struct sp_sign_key *key, const struct sp_secret *kek, const struct sp_rng *rng)
{
	struct work w;
	work_init(&w);
	enum sp_err e = seal(&w, name, key, kek, rng);
	if (e == SP_OK)
		e = sp__keeper_file_make(dir_fd, name, sp_buf_bytes(&w.file));
	work_clear(&w);
	return e;
}

static enum sp_err unseal(struct work *w, const char *name, const struct sp_secret *kek)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&w->file));
	uint16_t format;
	uint8_t nonce[SP_AEAD_NONCE];
	struct sp_bytes sealed;
	SP_TRY(sp_read_u16(&r, &format));
	if (format != FORMAT)
		return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_ERR_CORRUPT;
	SP_TRY(sp_read_into(&r, nonce, sizeof nonce));
	SP_TRY(sp_read_vec(&r, &sealed, PKCS8_MAX + SP_AEAD_TAG));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(write_aad(&w->aad, name));
	return sp_aead_open(&w->plain, SP_AEAD_AES256GCM, sp_secret_bytes(kek), nonce, sp_buf_bytes(&w->aad), sealed);
}

enum sp_err sp__keeper_key_load(struct sp_sign_key **out, int dir_fd, const char *name, const struct sp_secret *kek)
{
	struct work w;
	*out = NULL;
	work_init(&w);
	enum sp_err e = sp__keeper_file_read(&w.file, dir_fd, name);
	if (e == SP_OK)
		e = unseal(&w, name, kek);
	if (e == SP_OK)
		e = sp_sign_key_from_pkcs8(out, sp_buf_bytes(&w.plain));
	work_clear(&w);
	return e;
}
