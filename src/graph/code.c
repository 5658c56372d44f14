#include "graph/code.h"

struct code *code_ref(struct code *code)
{
    return code == NULL ? NULL : code->ops->ref(code);
}

struct code *code_unref(struct code *code)
{
    return code == NULL ? NULL : code->ops->unref(code);
}
