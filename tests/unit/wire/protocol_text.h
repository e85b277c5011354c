/* SPDX-License-Identifier: Apache-2.0
 *
 * Renders what docs/protocol.md must say, from the wire's own lists.
 */
#ifndef SP_TEST_PROTOCOL_TEXT_H
#define SP_TEST_PROTOCOL_TEXT_H

#include "wire/catalogue.h"

#define TEXT_MAX 4096u
/* hello_request -> HelloRequest */
void text_camel(char out[128], const char *name);
/* struct { ... } HelloRequest; */
void text_struct(char out[TEXT_MAX], const struct sp_wire_layout *layout);
/* | 1 | hello | device | HelloRequest | HelloResponse | 1024 | */
void text_type(char out[TEXT_MAX], const struct sp_wire_type_info *info);

#endif
