/* SPDX-License-Identifier: Apache-2.0
 *
 * Renders what docs/protocol.md must say, from the wire's own lists.
 */
#include "protocol_text.h"

#include <stdio.h>

void text_camel(char out[128], const char *name)
{
	size_t n = 0;
	bool up = true;
	for (; *name && n < 127; name++) {
		if (*name == '_') {
			up = true;
			continue;
		}
		out[n++] = (char)(up && *name >= 'a' ? *name - 'a' + 'A' : *name);
		up = false;
	}
	out[n] = '\0';
}

static void field_text(char *out, size_t n, const struct sp_wire_field *f)
{
	static const char *const forms[] = {
		[SP_WIRE_FIELD_U8] = "uint8 %s;",        [SP_WIRE_FIELD_U16] = "uint16 %s;",      [SP_WIRE_FIELD_U32] = "uint32 %s;",
		[SP_WIRE_FIELD_U64] = "uint64 %s;",      [SP_WIRE_FIELD_BOOL] = "bool %s;",       [SP_WIRE_FIELD_ID] = "opaque %s[16];",
		[SP_WIRE_FIELD_HASH] = "opaque %s[32];", [SP_WIRE_FIELD_NONCE] = "opaque %s[12];", [SP_WIRE_FIELD_LOG] = "LogId %s;",
	};
	char element[128];
	if (f->kind == SP_WIRE_FIELD_VEC) {
		snprintf(out, n, "opaque %s<V>;  /* at most %zu */", f->name, f->max);
	} else if (f->kind == SP_WIRE_FIELD_LIST) {
		text_camel(element, f->element()->name);
		snprintf(out, n, "%s %s<V>;", element, f->name);
	} else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(out, n, forms[f->kind], f->name);
#pragma GCC diagnostic pop
	}
}

void text_struct(char out[TEXT_MAX], const struct sp_wire_layout *layout)
{
	char name[128], field[256];
	int n = snprintf(out, TEXT_MAX, "struct {\n");
	for (size_t i = 0; i < layout->n; i++) {
		field_text(field, sizeof field, &layout->fields[i]);
		n += snprintf(out + n, TEXT_MAX - (size_t)n, "    %s\n", field);
	}
	text_camel(name, layout->name);
	snprintf(out + n, TEXT_MAX - (size_t)n, "} %s;\n", name);
}

static const char *phase_text(enum sp_wire_phase phase)
{
	return phase == SP_WIRE_PHASE_ENROL ? "newcomer" : phase == SP_WIRE_PHASE_DEVICE ? "device" : "any";
}

static void body_name(char out[128], const struct sp_wire_layout *layout, bool is_none)
{
	if (is_none)
		snprintf(out, 128, "none");
	else if (layout->n == 0)
		snprintf(out, 128, "empty");
	else
		text_camel(out, layout->name);
}

void text_type(char out[TEXT_MAX], const struct sp_wire_type_info *info)
{
	struct sp_wire_body body;
	char request[128], response[128];
	SP_ASSERT(sp_wire_body_find(&body, info->type) == SP_OK);
	body_name(request, body.request, false);
	body_name(response, body.response, info->manner != SP_WIRE_MANNER_CALL);
	snprintf(out, TEXT_MAX, "| %d | %s | %s | %s | %s | %s | %u |\n", (int)info->type, info->name, phase_text(info->phase),
		 info->is_mutation ? "yes" : "no", request, response, info->max_body);
}
