/* SPDX-License-Identifier: Apache-2.0
 *
 * Every hard limit, with its reason. A vector read or a growing buffer names one of these.
 */
#ifndef SP_LIMITS_H
#define SP_LIMITS_H

/* -- content and frames: DESIGN "Limits" -- */
#define SP_LIMIT_CONTENT (64u << 10)   /* one message's content; more is a blob */
#define SP_LIMIT_HANDSHAKE (4u << 20)  /* one commit with its Welcome: a blank tree of 1,000 leaves needs about 1 MiB */
#define SP_LIMIT_FRAME (4u << 20)      /* one wire frame's body; equals the largest handshake */
#define SP_LIMIT_FRAME_HEADER 10u      /* uint32 length, uint8 kind, uint8 type, uint32 id */
#define SP_LIMIT_ITEM (SP_LIMIT_CONTENT + (8u << 10)) /* one application item in a log: content, padding, MLS framing */
#define SP_LIMIT_ROOM_LEAVES 1000u     /* leaves in a room of the product; the MLS library has no such limit */

/* -- flow on a connection (docs/protocol.md, "Credit") -- */
#define SP_LIMIT_REQUESTS 64u              /* a client's requests without an answer yet; the server reads no further than that */
#define SP_LIMIT_REQUEST_CREDIT (1u << 20) /* and their bytes */
#define SP_LIMIT_EVENT_CREDIT (1u << 20)   /* bytes of `items` events before the client's first grant; told in hello */
#define SP_LIMIT_CREDIT_MAX (16u << 20)    /* grants add up to no more than this */
#define SP_LIMIT_SUBSCRIPTIONS 4096u       /* logs one connection may be subscribed to */
#define SP_LIMIT_READ_BYTES (1u << 20)     /* bodies in one answer to read */
#define SP_LIMIT_READ_ITEMS 4096u
#define SP_LIMIT_ACCOUNT_CONNECTIONS 64u   /* of one account at a time */

/* -- names -- */
#define SP_LIMIT_NAME 64u      /* an account's local part, a device's name */
#define SP_LIMIT_ADDRESS 254u  /* RFC 5321 path without the brackets */
#define SP_LIMIT_ROOM_NAME 200u

/* -- certificates and directory -- */
#define SP_LIMIT_CERT 4096u           /* a DER certificate of our profile is about 600 bytes; a foreign RSA-4096 one 2 KiB */
#define SP_LIMIT_CRL (1u << 20)       /* 25,000 revoked devices */
#define SP_LIMIT_CSR 2048u
#define SP_LIMIT_PKCS8 4096u          /* a signing key of ours is at most about 250 bytes */
#define SP_LIMIT_CMS (64u << 20)      /* one CMS message in memory; a mail of 40 MiB in base64. OpenSSL takes three times as much */
#define SP_LIMIT_DEVICE_LIST (32u << 10)
#define SP_LIMIT_ACCOUNT_DEVICES 32u
#define SP_LIMIT_DEVICE_LIST_VERSIONS 4096u

/* -- MLS (library): protection against allocation before the bytes are there; RFC 9420 gives none -- */
#define SP_LIMIT_MLS_VECTOR (1u << 30)     /* the largest length RFC 9420's varint can express */
#define SP_LIMIT_MLS_EXTENSIONS 64u        /* extensions in one list */
#define SP_LIMIT_MLS_TYPES 1024u           /* code points in one list of capabilities */
#define SP_LIMIT_MLS_LEAVES (1u << 18)     /* width of a tree: 1 KiB of zeros may not claim more memory than its sender paid for */
#define SP_LIMIT_MLS_PROPOSALS 65536u      /* proposals in one commit */
#define SP_LIMIT_MLS_GENERATION_AHEAD 4096u /* ratchet steps one message may ask for (RFC 9420 section 15.3) */

#endif
