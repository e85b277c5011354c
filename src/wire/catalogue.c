/* SPDX-License-Identifier: Apache-2.0
 *
 * All bodies and parts, by type and by number.
 */
#include "wire/catalogue.h"

#include "wire/content.h"
#include "wire/directory.h"
#include "wire/enrol.h"
#include "wire/inbox.h"
#include "wire/keeper_msg.h"
#include "wire/keypkg.h"
#include "wire/log.h"
#include "wire/response.h"
#include "wire/room.h"
#include "wire/session.h"

typedef const struct sp_wire_layout *layout_fn(void);

const struct sp_wire_layout *sp_wire_empty_layout(void)
{
	static const struct sp_wire_layout layout = {"empty", NULL, 0, 0};
	return &layout;
}

static const struct {
	enum sp_wire_type type;
	layout_fn *request;
	layout_fn *response;
} bodies[] = {
#define X(TYPE, request, response) {SP_WIRE_##TYPE, sp_wire_##request##_layout, sp_wire_##response##_layout},
	SP_WIRE_BODIES(X)
#undef X
};

static layout_fn *const parts[] = {
#define X(part) sp_wire_##part##_layout,
	SP_WIRE_PARTS(X)
#undef X
};

enum sp_err sp_wire_body_find(struct sp_wire_body *out, enum sp_wire_type type)
{
	*out = (struct sp_wire_body){0};
	for (size_t i = 0; i < SP_ARRAY_LEN(bodies); i++) {
		if (bodies[i].type != type)
			continue;
		*out = (struct sp_wire_body){type, bodies[i].request(), bodies[i].response()};
		return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

const struct sp_wire_layout *sp_wire_layout_at(size_t i)
{
	if (i < SP_ARRAY_LEN(bodies))
		return bodies[i].request();
	i -= SP_ARRAY_LEN(bodies);
	if (i < SP_ARRAY_LEN(bodies))
		return bodies[i].response();
	i -= SP_ARRAY_LEN(bodies);
	return i < SP_ARRAY_LEN(parts) ? parts[i]() : NULL;
}
