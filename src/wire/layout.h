/* SPDX-License-Identifier: Apache-2.0
 *
 * How a message is described: once, as a list of fields, from which the C struct, its codec, its paragraph in
 * docs/protocol.md and its tests are made. RFC 8446 section 3, vectors as RFC 9420 section 2.1.2.
 *
 *   #define SP_WIRE_PING_RESPONSE(F) F(U64, time_ms, 0)
 *   SP_WIRE_DECLARE(ping_response, SP_WIRE_PING_RESPONSE)      in a header
 *   SP_WIRE_DEFINE(ping_response, SP_WIRE_PING_RESPONSE)       in the .c beside it
 *
 * Field kinds (third argument: VEC its maximum, LIST its element's name, else 0):
 *   U8 U16 U32 U64   integers          BOOL   uint8, 0 or 1        ID      opaque[16]       HASH  opaque[32]
 *   NONCE            opaque[12]        LOG    struct LogId         VEC     opaque<V>        LIST  element<V>
 *
 * Decoded bytes are borrowed from the input. A LIST decodes to the bytes of its elements, each already checked, so that
 * nothing is allocated; walk it with sp_reader_of() and the element's _read until the reader is empty.
 */
#ifndef SP_WIRE_LAYOUT_H
#define SP_WIRE_LAYOUT_H

#include "base/limits.h"
#include "codec/codec.h"

struct sp_wire_nonce {
	uint8_t b[12];
};
/* struct { uint8 kind; opaque id[16]; } LogId;  kind: 1 room, 2 inbox */
enum sp_wire_log_kind { SP_WIRE_LOG_ROOM = 1, SP_WIRE_LOG_INBOX = 2 };
struct sp_wire_log_id {
	uint8_t kind;
	struct sp_id16 id;
};

enum sp_wire_field_kind {
	SP_WIRE_FIELD_U8,
	SP_WIRE_FIELD_U16,
	SP_WIRE_FIELD_U32,
	SP_WIRE_FIELD_U64,
	SP_WIRE_FIELD_BOOL,
	SP_WIRE_FIELD_ID,
	SP_WIRE_FIELD_HASH,
	SP_WIRE_FIELD_NONCE,
	SP_WIRE_FIELD_LOG,
	SP_WIRE_FIELD_VEC,
	SP_WIRE_FIELD_LIST
};

struct sp_wire_layout;
struct sp_wire_field {
	const char *name;
	enum sp_wire_field_kind kind;
	size_t offset;
	size_t max;                                   /* VEC, LIST: bytes */
	const struct sp_wire_layout *(*element)(void); /* LIST */
};
struct sp_wire_layout {
	const char *name;
	const struct sp_wire_field *fields;
	size_t n;
	size_t size; /* of the C struct */
};

/* The codec behind the typed functions below; also what the generic tests and the fuzz target call. A failed read does
 * not advance and leaves *out zeroed. */
SP_MUST_USE enum sp_err sp_wire_layout_read(const struct sp_wire_layout *layout, struct sp_reader *r, void *out);
SP_MUST_USE enum sp_err sp_wire_layout_decode(const struct sp_wire_layout *layout, void *out, struct sp_bytes in);
void sp_wire_layout_write(const struct sp_wire_layout *layout, struct sp_writer *w, const void *in);
SP_MUST_USE enum sp_err sp_wire_layout_encode(const struct sp_wire_layout *layout, struct sp_buf *out, const void *in);

#define SP_WIRE_TYPE_U8 uint8_t
#define SP_WIRE_TYPE_U16 uint16_t
#define SP_WIRE_TYPE_U32 uint32_t
#define SP_WIRE_TYPE_U64 uint64_t
#define SP_WIRE_TYPE_BOOL bool
#define SP_WIRE_TYPE_ID struct sp_id16
#define SP_WIRE_TYPE_HASH struct sp_hash32
#define SP_WIRE_TYPE_NONCE struct sp_wire_nonce
#define SP_WIRE_TYPE_LOG struct sp_wire_log_id
#define SP_WIRE_TYPE_VEC struct sp_bytes
#define SP_WIRE_TYPE_LIST struct sp_bytes
#define SP_WIRE_MEMBER(kind, name, arg) SP_WIRE_TYPE_##kind name;

/* struct sp_wire_<message> with _decode (whole input, nothing left over), _encode (appends), and _read, _write for use
 * inside another message or a list. */
#define SP_WIRE_DECLARE(message, FIELDS)                                                                               \
	struct sp_wire_##message {                                                                                     \
		FIELDS(SP_WIRE_MEMBER)                                                                                 \
	};                                                                                                             \
	const struct sp_wire_layout *sp_wire_##message##_layout(void);                                                 \
	SP_MUST_USE enum sp_err sp_wire_##message##_decode(struct sp_wire_##message *out, struct sp_bytes in);         \
	SP_MUST_USE enum sp_err sp_wire_##message##_encode(struct sp_buf *out, const struct sp_wire_##message *in);    \
	SP_MUST_USE enum sp_err sp_wire_##message##_read(struct sp_reader *r, struct sp_wire_##message *out);          \
	void sp_wire_##message##_write(struct sp_writer *w, const struct sp_wire_##message *in);

#define SP_WIRE_MAX_U8(arg) 0, NULL
#define SP_WIRE_MAX_U16(arg) 0, NULL
#define SP_WIRE_MAX_U32(arg) 0, NULL
#define SP_WIRE_MAX_U64(arg) 0, NULL
#define SP_WIRE_MAX_BOOL(arg) 0, NULL
#define SP_WIRE_MAX_ID(arg) 0, NULL
#define SP_WIRE_MAX_HASH(arg) 0, NULL
#define SP_WIRE_MAX_NONCE(arg) 0, NULL
#define SP_WIRE_MAX_LOG(arg) 0, NULL
#define SP_WIRE_MAX_VEC(arg) (arg), NULL
#define SP_WIRE_MAX_LIST(arg) SP_LIMIT_FRAME, sp_wire_##arg##_layout
#define SP_WIRE_DESCRIBE(kind, name, arg) {#name, SP_WIRE_FIELD_##kind, offsetof(self, name), SP_WIRE_MAX_##kind(arg)},

#define SP_WIRE_DEFINE(message, FIELDS)                                                                                \
	const struct sp_wire_layout *sp_wire_##message##_layout(void)                                                  \
	{                                                                                                              \
		typedef struct sp_wire_##message self;                                                                 \
		static const struct sp_wire_field fields[] = {FIELDS(SP_WIRE_DESCRIBE)};                               \
		static const struct sp_wire_layout layout = {#message, fields, SP_ARRAY_LEN(fields), sizeof(self)};    \
		return &layout;                                                                                        \
	}                                                                                                              \
	enum sp_err sp_wire_##message##_decode(struct sp_wire_##message *out, struct sp_bytes in)                      \
	{                                                                                                              \
		return sp_wire_layout_decode(sp_wire_##message##_layout(), out, in);                                   \
	}                                                                                                              \
	enum sp_err sp_wire_##message##_encode(struct sp_buf *out, const struct sp_wire_##message *in)                 \
	{                                                                                                              \
		return sp_wire_layout_encode(sp_wire_##message##_layout(), out, in);                                   \
	}                                                                                                              \
	enum sp_err sp_wire_##message##_read(struct sp_reader *r, struct sp_wire_##message *out)                       \
	{                                                                                                              \
		return sp_wire_layout_read(sp_wire_##message##_layout(), r, out);                                      \
	}                                                                                                              \
	void sp_wire_##message##_write(struct sp_writer *w, const struct sp_wire_##message *in)                        \
	{                                                                                                              \
		sp_wire_layout_write(sp_wire_##message##_layout(), w, in);                                             \
	}

/* An element that is nothing but bytes: struct { opaque bytes<V>; } Opaque; */
#define SP_WIRE_OPAQUE(F) F(VEC, bytes, SP_LIMIT_FRAME)
SP_WIRE_DECLARE(opaque, SP_WIRE_OPAQUE)
/* struct { opaque account_id[16]; } AccountRef; */
#define SP_WIRE_ACCOUNT_REF(F) F(ID, account_id, 0)
SP_WIRE_DECLARE(account_ref, SP_WIRE_ACCOUNT_REF)

#endif
