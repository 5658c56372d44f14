#ifndef ANABRANCH_STORE_HEAD_H
#define ANABRANCH_STORE_HEAD_H
/*
 * For backends: all that they read of a checkpoint's head, which is where the values of its fields
 * are stored (store/store.h). Heads are ours: what is wrong in one is damage, of which no client is
 * told more than ERR_SYSTEM.
 */
#include "store/store.h"

struct head_field {
    const char *name;
    const char *at; /* the checkpoint that wrote it */
};
struct head_fields {
    struct head_field *items; /* valid until deinit */
    size_t count;
    struct json_t *json;
};
/* 0 or a fault; deinit in every case. */
int head_fields_init(struct head_fields *h, const struct stored_bytes *head);
void head_fields_deinit(struct head_fields *h);

/* A value's row may stand on an older one, and so on; in what others have stored that may be a
 * circle. */
enum { HEAD_CHAIN_MAX = 100000 };

#endif
