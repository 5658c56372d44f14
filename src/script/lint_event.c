/*
 * One pass over the instructions of each function, in which every register carries a note on what
 * was last put there. Following the lines and not the jumps is right for what the compiler keeps in
 * registers that belong to no local: they are filled and used within one expression.
 *
 *     spawn(f)        GETTABUP 3 _ENV "spawn"    note: the global spawn
 *                     MOVE     4 0
 *                     CALL     3 2 1             C = 1: no results
 *
 *     name = f        GETUPVAL 3 _ENV            a name of more than 40 bytes, or one behind the
 *                     LOADK    4 "name"          255th constant of its function
 *                     MOVE     5 0
 *                     SETTABLE 3 4 5
 */
#include "script/lint_event.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/texts.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { REGISTERS = 256, NO_CONSTANT = -1 };

enum note_kind {
    NOTE_NONE,
    NOTE_ENV,    /* _ENV itself; the next register holds the name, `constant` */
    NOTE_GLOBAL, /* the value of the global `constant` */
};

struct note {
    enum note_kind kind;
    int constant;
    int line; /* where the expression begins whose value is here; 0 = not known */
};

struct walk {
    const struct lint_function *f;
    size_t pc;
    struct note notes[REGISTERS];
    size_t env_count; /* notes of NOTE_ENV in this function that were not used to name a global */
    struct lint_events *events;
    int r;
};

/*
 * Which registers an instruction writes, by its number:
 *     .  none           a  A           n  A to A+B    f  A to A+3    t  all from A+4 on
 *     b  A from R[B]    s  A and A+1 from R[B]        c  all from A on, from R[A]
 *     k  A from R[A]    v  all from A on
 */
static const char writes[] = "aaaaaaaana"                 /* MOVE .. GETUPVAL */
                             ".abbb....a"                 /* SETUPVAL .. NEWTABLE */
                             "sbbbbbbbbbbbbbbbbbbbbbbbbb" /* SELF, ADDI .. SHR */
                             "...bbbbk..."      /* MMBIN .. MMBINK, UNM .. CONCAT, .. JMP */
                             "..........acc..." /* EQ .. RETURN1 */
                             "ff.tf.av..";      /* FORLOOP .. EXTRAARG */
_Static_assert(sizeof(writes) - 1 == LINT_OP_COUNT, "one letter for each instruction");

/* ---- events ---- */

static bool is_identifier(struct lint_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.bytes[i];
        if (c > 127 || !(isalnum(c) || c == '_') || (i == 0 && isdigit(c)))
            return false;
    }
    return name.len > 0;
}

/* What is no identifier was written as _ENV["..."] by someone who knows better. */
static void add_event(struct walk *w, enum lint_event_kind kind, int line, struct lint_text name)
{
    struct lint_events *e = w->events;
    if (w->r != 0 || !is_identifier(name))
        return;
    void *items = items_grow(e->items, e->count, &e->cap, sizeof(*e->items));
    if (items == NULL) {
        w->r = ERR_NOMEM;
        return;
    }
    e->items = items;
    e->items[e->count] = (struct lint_event){
        .kind = kind, .is_main = w->f->parent == NULL, .line = line, .order = e->count, .name = name
    };
    e->count++;
}

static struct lint_text constant_text(const struct walk *w, int constant)
{
    bool is_there = constant >= 0 && (size_t)constant < w->f->constant_count;
    return is_there ? w->f->constants[constant] : (struct lint_text){ NULL, 0 };
}

/* ---- upvalues ---- */

enum root { ROOT_OTHER, ROOT_ENV, ROOT_FILE_LOCAL };

/* What an upvalue is in the end: through any number of functions to a local, or to _ENV of main. */
static enum root upvalue_root(const struct lint_function *f, int index)
{
    for (; index >= 0 && (size_t)index < f->upvalue_count; f = f->parent) {
        const struct lint_upvalue *u = &f->upvalues[index];
        if (f->parent == NULL)
            return ROOT_ENV;
        if (u->is_local)
            return f->parent->parent == NULL ? ROOT_FILE_LOCAL : ROOT_OTHER;
        index = u->index;
    }
    return ROOT_OTHER;
}

/* ---- notes ---- */

static uint32_t code_at(const struct walk *w, size_t pc)
{
    return pc < w->f->code_count ? w->f->code[pc] : LINT_OP_EXTRAARG;
}

static int line_here(const struct walk *w)
{
    return w->f->spots[w->pc].line;
}

static bool is_local(const struct walk *w, int reg)
{
    return reg < w->f->spots[w->pc].local_count;
}

static void write_registers(struct walk *w, int first, int last, int line)
{
    for (int i = first; i <= last && i < REGISTERS; i++)
        w->notes[i] = (struct note){ .line = line };
}

/* A value that is made out of the one in its own register begins where that began. */
static int line_of_result(const struct walk *w, uint32_t code, bool is_from_own)
{
    int line = w->notes[lint_a(code)].line;
    size_t function = (size_t)lint_bx(code);
    if (lint_op(code) == LINT_OP_CLOSURE && function < w->f->function_count)
        return w->f->functions[function].line;
    return is_from_own && line > 0 ? line : line_here(w);
}

static void note_writes(struct walk *w, uint32_t code)
{
    int a = lint_a(code);
    int b = lint_b(code);
    char how = lint_op(code) < LINT_OP_COUNT ? writes[lint_op(code)] : '.';
    bool is_from_own = how == 'c' || how == 'k' || ((how == 'b' || how == 's') && a == b);
    int line = line_of_result(w, code, is_from_own);
    switch (how) {
    case 'a':
    case 'b':
    case 'k':
        write_registers(w, a, a, line);
        break;
    case 's':
        write_registers(w, a, a + 1, line);
        break;
    case 'n':
        write_registers(w, a, a + b, line);
        break;
    case 'f':
        write_registers(w, a, a + 3, line);
        break;
    case 't':
        write_registers(w, a + 4, REGISTERS - 1, line);
        break;
    case 'c':
    case 'v':
        write_registers(w, a, REGISTERS - 1, line);
        break;
    default:
        break;
    }
}

/* Of a statement whose value is in this register: a table or a call may go over many lines, and the
 * compiler stores it at the last one. */
static int line_of_value(const struct walk *w, int reg)
{
    int line = w->notes[reg].line;
    return is_local(w, reg) || line == 0 ? line_here(w) : line;
}

static int line_of_stored(const struct walk *w, uint32_t code)
{
    return lint_k(code) ? line_here(w) : line_of_value(w, lint_c(code)); /* k: C is a constant */
}

/* ---- instructions ---- */

/* The name that the next instruction loads behind register `reg`. */
static int next_constant(const struct walk *w, int reg)
{
    uint32_t next = code_at(w, w->pc + 1);
    uint32_t extra = code_at(w, w->pc + 2);
    if (lint_a(next) != reg + 1)
        return NO_CONSTANT;
    if (lint_op(next) == LINT_OP_LOADK)
        return lint_bx(next);
    bool is_extra = lint_op(next) == LINT_OP_LOADKX && lint_op(extra) == LINT_OP_EXTRAARG;
    return is_extra ? lint_ax(extra) : NO_CONSTANT;
}

static void get_upvalue(struct walk *w, uint32_t code)
{
    int a = lint_a(code);
    note_writes(w, code);
    if (upvalue_root(w->f, lint_b(code)) != ROOT_ENV)
        return;
    int constant = next_constant(w, a);
    if (constant_text(w, constant).bytes == NULL) {
        w->events->is_env_used = true;
        return;
    }
    w->notes[a].kind = NOTE_ENV;
    w->notes[a].constant = constant;
    w->env_count++;
}

static void set_upvalue(struct walk *w, uint32_t code)
{
    enum root root = upvalue_root(w->f, lint_b(code));
    if (root == ROOT_ENV)
        w->events->is_env_replaced = true;
    if (root == ROOT_FILE_LOCAL)
        add_event(w, LINT_SHARE, line_of_value(w, lint_a(code)), w->f->upvalues[lint_b(code)].name);
}

static void read_global(struct walk *w, uint32_t code, int constant)
{
    struct note *note = &w->notes[lint_a(code)];
    add_event(w, LINT_READ, line_here(w), constant_text(w, constant));
    note_writes(w, code);
    note->kind = NOTE_GLOBAL;
    note->constant = constant;
}

/* The name under which _ENV is indexed, and the note is used up; NO_CONSTANT: another table. */
static int take_name(struct walk *w, int table, int key)
{
    struct note *note = &w->notes[table];
    if (note->kind != NOTE_ENV || key != table + 1 || is_local(w, table))
        return NO_CONSTANT;
    note->kind = NOTE_NONE;
    w->env_count--;
    return note->constant;
}

static void call(struct walk *w, uint32_t code)
{
    const struct note *note = &w->notes[lint_a(code)];
    bool is_dropped = lint_c(code) == 1 && note->kind == NOTE_GLOBAL;
    if (is_dropped)
        add_event(w, LINT_DROP, note->line, constant_text(w, note->constant));
    note_writes(w, code);
}

static void step(struct walk *w)
{
    uint32_t code = w->f->code[w->pc];
    int constant;
    switch (lint_op(code)) {
    case LINT_OP_GETUPVAL:
        get_upvalue(w, code);
        break;
    case LINT_OP_SETUPVAL:
        set_upvalue(w, code);
        break;
    case LINT_OP_GETTABUP:
        if (upvalue_root(w->f, lint_b(code)) == ROOT_ENV)
            read_global(w, code, lint_c(code));
        else
            note_writes(w, code);
        break;
    case LINT_OP_GETTABLE:
        constant = take_name(w, lint_b(code), lint_c(code));
        if (constant != NO_CONSTANT)
            read_global(w, code, constant);
        else
            note_writes(w, code);
        break;
    case LINT_OP_SETTABUP:
        if (upvalue_root(w->f, lint_a(code)) == ROOT_ENV)
            add_event(w, LINT_ASSIGN, line_of_stored(w, code), constant_text(w, lint_b(code)));
        break;
    case LINT_OP_SETTABLE:
        constant = take_name(w, lint_a(code), lint_b(code));
        add_event(w, LINT_ASSIGN, line_of_stored(w, code), constant_text(w, constant));
        break;
    case LINT_OP_CALL:
        call(w, code);
        break;
    default:
        note_writes(w, code);
    }
}

/* The depth of functions in each other is bounded by lint_code_parse(). */
static void walk_function(struct walk *w, const struct lint_function *f)
{
    w->f = f;
    w->env_count = 0;
    memset(w->notes, 0, sizeof(w->notes));
    for (w->pc = 0; w->r == 0 && w->pc < f->code_count; w->pc++)
        step(w);
    if (w->env_count > 0) /* rawset(_ENV, "name", 1) begins like name = 1 */
        w->events->is_env_used = true;
    for (size_t i = 0; w->r == 0 && i < f->function_count; i++)
        walk_function(w, &f->functions[i]);
}

static int compare(const void *a, const void *b)
{
    const struct lint_event *x = a;
    const struct lint_event *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

int lint_events_collect(const struct lint_function *main_function, struct lint_events *ret)
{
    struct walk w = { .events = ret };
    *ret = (struct lint_events){ 0 };
    walk_function(&w, main_function);
    if (w.r != 0)
        return err_trace(w.r);
    if (ret->count > 0)
        qsort(ret->items, ret->count, sizeof(*ret->items), compare);
    return 0;
}

void lint_events_deinit(struct lint_events *events)
{
    mem_free(events->items);
    *events = (struct lint_events){ 0 };
}

bool lint_text_equals(struct lint_text a, struct lint_text b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}
