/* SPDX-License-Identifier: Apache-2.0
 *
 * mls: RFC 9420, a file per chapter. The face is the public header; nothing more is given to other rooms.
 */
#ifndef SP_MLS_H
#define SP_MLS_H

#include "sealpost/mls.h"

#endif
