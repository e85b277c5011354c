/* SPDX-License-Identifier: Apache-2.0
 *
 * profile: the client's one database, a map of (space, key) -> value in SQLite. Keys and values are opaque: the client
 * seals the values and makes the keys meaningless before they come here. Nothing readable is written, not even to
 * temporary files (there are none); what is deleted is overwritten.
 *
 * sp_profile_apply is one atomic, durable transaction. Two processes on one profile are safe: a writer waits for the
 * other's transaction (never for its life), and what was read before can be guarded by EXPECT operations.
 *
 * Threads: any; calls on one handle take turns. A visitor may not call the profile it is visiting.
 * Does not check: what the bytes mean, who may read them. Sealing is the client's.
 */
#ifndef SP_PROFILE_H
#define SP_PROFILE_H

#include "base/base.h"

#define SP_PROFILE_KEY_MAX 512u
#define SP_PROFILE_VALUE_MAX (16u << 20)

struct sp_profile;

/* Opens FOLDER/profile.db. With `create` the folder (0700, parents too) and the file (0600) are made when missing; without, a
 * missing one is SP_ERR_NOT_FOUND. SP_ERR_FORMAT_NEWER when a newer release wrote it; older formats are migrated. */
SP_MUST_USE enum sp_err sp_profile_open(struct sp_profile **out, const char *folder, bool create);
void sp_profile_close(struct sp_profile **p);

enum sp_profile_action {
	SP_PROFILE_PUT = 1, /* makes or replaces; the record's revision becomes the transaction's */
	SP_PROFILE_DELETE,  /* absent is no error */
	SP_PROFILE_EXPECT   /* the record must have `revision` (0: must be absent), else SP_ERR_CONFLICT and nothing happens */
};
struct sp_profile_op {
	enum sp_profile_action action;
	uint8_t space;
	struct sp_bytes key;
	struct sp_bytes value;
	uint64_t revision;
};

/* All or nothing, durable on return. EXPECTs are judged first, whatever their place; the rest is applied in order. *out_revision (may be
 * NULL) is the transaction's number: it rises with every apply that puts or deletes, by whichever process.
 * SP_ERR_CONFLICT: read again and retry. SP_ERR_DISK_FULL: nothing changed. SP_ERR_IO: whether it was stored is unknown; this handle
 * refuses further writes; open anew. SP_ERR_BUSY: the other process held its transaction for more than ten seconds. */
SP_MUST_USE enum sp_err sp_profile_apply(struct sp_profile *p, const struct sp_profile_op *ops, size_t n, uint64_t *out_revision);

/* Appends the value to out (may be NULL). *out_revision may be NULL. SP_ERR_NOT_FOUND. */
SP_MUST_USE enum sp_err sp_profile_get(struct sp_profile *p, uint8_t space, struct sp_bytes key, struct sp_buf *out, uint64_t *out_revision);

struct sp_profile_record {
	struct sp_bytes key;
	struct sp_bytes value;
	uint64_t revision;
};
struct sp_profile_range {
	uint8_t space;
	struct sp_bytes prefix; /* of the key; empty for all */
	struct sp_bytes after;  /* start beyond this key (in walking direction); empty: from the end of the range */
	size_t limit;           /* 0: no limit */
	bool reverse;
};
typedef enum sp_err sp_profile_fn(void *ctx, const struct sp_profile_record *record);
/* In key order (bytes, then length), all from one moment. Borrowed until fn returns; an error of fn ends the walk and is returned. */
SP_MUST_USE enum sp_err sp_profile_scan(struct sp_profile *p, const struct sp_profile_range *range, sp_profile_fn *fn, void *ctx);

/* The newest transaction's number: cheap, to notice that another process wrote. */
SP_MUST_USE enum sp_err sp_profile_revision(struct sp_profile *p, uint64_t *out);

#endif
