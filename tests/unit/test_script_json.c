/* The bridge between JSON and Lua: to_json.c, view.c, bridge.c and json.* of scripts. */
#include "script_kit.h"

/* ---- Lua values as JSON ---- */

static const struct kit_row values[] = {
    { "return {out = true, items = {false, 1, 'x'}}", "{'items':[false,1,'x'],'out':true}" },
    { "return {out = nil}", "{}" },
    { "return nil", "null" },
    { "return", "null" },
    { "return {out = 1}, {out = 2}, 3", "{'out':1}" },
    { "return table.unpack({{out = 1}, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 1, 250)", "{'out':1}" },
    { "return {out = null}", "{'out':null}" },
    { "return {out = json.null}", "{'out':null}" },
    { "return {out = {null, null}}", "{'out':[null,null]}" },
    { "return {out = {3, 3.0, 0.1, 1e300, -0.0, 1e15, 2^53, 1e16, 0.5}}",
      "{'out':[3,3.0,0.1,1e+300,-0.0,1e+15,9007199254740992.0,1e+16,0.5]}" },
    { "return {out = {math.maxinteger, math.mininteger, 9223372036854775807}}",
      "{'out':[9223372036854775807,-9223372036854775808,9223372036854775807]}" },
    { "return {out = 5e-324}", "{'out':4.94065645841247e-324}" },
    { "return {out = 10 // 2 + 0.0}", "{'out':5.0}" },
    { "return {out = {b = 1, a = 2, ['\xc3\xa4'] = 3, B = 4, ['10'] = 5, ['9'] = 6, [''] = 7}}",
      "{'out':{'':7,'10':5,'9':6,'B':4,'a':2,'b':1,'\xc3\xa4':3}}" },
    { "local t = {} for i = 1, 100 do t['k' .. i % 100] = i end local u = {} for i = 100, 1, -1 do "
      "u['k' .. i % 100] = i end return {out = json.encode(t) == json.encode(u)}",
      "{'out':true}" },
    { "return {out = {[1] = 'a', [2] = 'b', [3.0] = 'c'}}", "{'out':['a','b','c']}" },
    { "return {out = '\\u{10FFFF}\\u{7f}\\1\\n'}", "{'out':'\xf4\x8f\xbf\xbf\x7f\\u0001\\n'}" },
    { "return {out = setmetatable({x = 1}, {__index = {y = 2}, __len = function() return 9 end})}",
      "{'out':{'x':1}}" },
    { "return {out = setmetatable({1, 2}, {__pairs = error, __index = error})}", "{'out':[1,2]}" },
    { "local ok, e = pcall(error, setmetatable({}, {__tostring = error})) return {out = e}",
      "{'out':{}}" },
    { "local t = {1} return {out = {t, t, {t}}}", "{'out':[[1],[1],[[1]]]}" },
    { "return {out = {pcall(with_timeout, 0, function() sleep(1) end)}}",
      "{'out':[false,{'type':'TimeoutError','message':'with_timeout: 0 seconds have passed'}]}" },

    /* what cannot become JSON, and where */
    { "return {out = print}",
      "InvalidUpdateError: the returned value.out: a function or coroutine cannot become "
      "JSON" },
    { "return {out = coroutine.running()}",
      "InvalidUpdateError: the returned value.out: a function or coroutine cannot become "
      "JSON" },
    { "return {out = spawn(print):join() or spawn}",
      "InvalidUpdateError: the returned value.out: a function or coroutine cannot become "
      "JSON" },
    { "local f = spawn(print) join(f) return {out = f}",
      "InvalidUpdateError: the returned value.out: this value cannot become JSON" },
    { "return {out = 0/0}", "InvalidUpdateError: the returned value.out: NaN cannot become JSON" },
    { "return {out = {a = {1, -1/0}}}",
      "InvalidUpdateError: the returned value.out.a[2]: an infinite number cannot become "
      "JSON" },
    { "return {items = {1, math.huge}}",
      "InvalidUpdateError: the returned value.items[2]: an infinite number cannot become "
      "JSON" },
    { "return {out = 'a\\0b'}",
      "InvalidUpdateError: the returned value.out: a string with a NUL byte cannot "
      "become JSON" },
    { "return {out = '\\xff'}",
      "InvalidUpdateError: the returned value.out: a string that is not UTF-8 cannot "
      "become JSON" },
    { "return {out = '\\xed\\xa0\\x80'}",
      "InvalidUpdateError: the returned value.out: a string that is not UTF-8 cannot "
      "become JSON" },
    { "return {out = {['a\\0'] = 1}}",
      "InvalidUpdateError: the returned value.out: a key that is not UTF-8, or has a NUL "
      "byte, cannot become JSON" },
    { "return {out = {ok = 1, ['\\xc3'] = 1}}",
      "InvalidUpdateError: the returned value.out: a key that is not UTF-8, or has a NUL "
      "byte, cannot become JSON" },
    { "return {['\\xc3'] = 1}",
      "InvalidUpdateError: the returned value: a key that is not UTF-8, or has a NUL "
      "byte, cannot become JSON" },
    { "return {out = {1, 2, x = 3}}",
      "InvalidUpdateError: the returned value.out: a table with both list elements and "
      "named keys cannot become JSON" },
    { "return {out = {1, nil, 3}}",
      "InvalidUpdateError: the returned value.out: a list with holes in it cannot become "
      "JSON (null may stand there)" },
    { "return {out = {[2] = 1}}",
      "InvalidUpdateError: the returned value.out: a list with holes in it cannot become "
      "JSON (null may stand there)" },
    { "return {out = {[math.maxinteger] = 1}}",
      "InvalidUpdateError: the returned value.out: a list with holes in it cannot become "
      "JSON (null may stand there)" },
    { "return {out = {[0] = 1}}",
      "InvalidUpdateError: the returned value.out: keys must be strings, or whole "
      "numbers from 1 on" },
    { "return {out = {[1.5] = 1}}",
      "InvalidUpdateError: the returned value.out: keys must be strings, or whole "
      "numbers from 1 on" },
    { "return {out = {[true] = 1}}",
      "InvalidUpdateError: the returned value.out: keys must be strings, or whole "
      "numbers from 1 on" },
    { "return {out = {[{}] = 1}}",
      "InvalidUpdateError: the returned value.out: keys must be strings, or whole "
      "numbers from 1 on" },
    { "local t = {} t.t = t return {out = t}",
      "InvalidUpdateError: .t.t.t.: the value is nested too deeply; does it contain itself?" },
    { "local t = {} t[1] = t return {out = t[1]}",
      "InvalidUpdateError: [1][1]: the value is nested too deeply; does it contain itself?" },
    { "local t = {} for i = 1, 97 do t = {t} end return {out = {json.encode(t) ~= nil}}",
      "{'out':[true]}" },
    { "local t = {} for i = 1, 100 do t = {t} end return {out = pcall(json.encode, t)}",
      "{'out':false}" },
    { "return {out = {[('k'):rep(1000)] = print}}", "InvalidUpdateError: kkkk: a function" },

    /* what is marked */
    { "return {out = {json.array{}, json.object{}, json.array(), json.object(), {}}}",
      "{'out':[[],{},[],{},{}]}" },
    { "return {out = json.array{1, 2}, obj = json.object{a = 1}}", "{'obj':{'a':1},'out':[1,2]}" },
    { "return {out = json.array{a = 1}}",
      "InvalidUpdateError: the returned value.out: a json.array with named keys cannot "
      "become JSON" },
    { "return {out = json.object{1}}",
      "InvalidUpdateError: the returned value.out: a json.object with list elements "
      "cannot become JSON" },
    { "return {out = json.array(json.object{})}", "{'out':[]}" },
    { "local t = json.array{} t[1] = 'x' return {out = t}", "{'out':['x']}" },

    /* what empty tables are by their field */
    { "return {items = {}, obj = {}, out = {}, log = {}, talk = {}, other = {}}",
      "{'items':[],'log':[],'obj':{},'other':{},'out':{},'talk':[]}" },
    { "return {items = json.object{}}", "{'items':{}}" },
    { "return Command{update = {items = {}, obj = {}, log = {}}}",
      "{'__command__':{'update':{'items':[],'log':[],'obj':{}}}}" },
    { "return {{items = {}}, Command{update = {log = {}}}}",
      "[{'items':[]},{'__command__':{'update':{'log':[]}}}]" },
    { "return {}", "{}" },
    { "return json.array{}", "[]" },

    /* Send, Command */
    { "return Send('it', {a = {}})", "{'__command__':{'goto':[{'arg':{'a':{}},'node':'it'}]}}" },
    { "return Send('it')", "{'__command__':{'goto':[{'arg':{},'node':'it'}]}}" },
    { "return Command{update = {out = print}}",
      "InvalidUpdateError: node 'it': the update of a Command.out: a function or coroutine cannot "
      "become JSON" },
    { "return {out = 1, Command{}}",
      "InvalidUpdateError: the returned value: a table with both list elements and named "
      "keys cannot become JSON" },
    { "return Command{['goto'] = {Send('it', 1), 'it'}, graph = Command.PARENT}",
      "{'__command__':{'goto':[{'arg':1,'node':'it'},'it'],'graph':'PARENT'}}" },
    { "local c = Command{} c[1] = 2 return c", "InvalidUpdateError: Command: keys must be strings" },
    { "local c = Command{update = {}} c[true] = 2 return c",
      "InvalidUpdateError: Command: keys must be strings" },
    { "local c = Command{update = {}} c['\\xff'] = 2 return {c}",
      "InvalidUpdateError: Command: a key that is not UTF-8" },
    { "local c = Command{} c.update = {} c['goto'] = {} return c",
      "{'__command__':{'goto':{},'update':{}}}" },
    { "return {items = {{}}, log = {{}, {items = {}}}}", "{'items':[{}],'log':[{},{'items':{}}]}" },
    { "return {items = {{}, {}}, obj = {}, talk = {}}",
      "{'items':[{},{}],'obj':{},'talk':[]}" },
};

START_TEST(a_value_is_kept_or_refused_with_its_place)
{
    kit_check(&values[_i], "{}");
}
END_TEST

/* ---- views ---- */

#define STATE                                                                                      \
    "{'out':{'b':[1,2.0,null],'a':'x','e':{},'l':[]},'items':['p',{'q':[true,false]}],'log':[0.1," \
    "-0.0,"                                                                                        \
    "1e+300,9223372036854775807,-9223372036854775808],'talk':['a','b','c']}"

static const struct kit_row views[] = {
    { "return {out = state}", "{'out':" STATE "}" },
    { "return {out = json.copy(state)}",
      "{'out':{'items':['p',{'q':[true,false]}],'log':[0.1,-0.0,1e+300,9223372036854775807,"
      "-9223372036854775808],'out':{'a':'x','b':[1,2.0,null],'e':{},'l':[]},'talk':['a','b','c']}"
      "}" },
    { "return {out = json.decode(json.encode(state)).log}",
      "{'out':[0.1,-0.0,1e+300,9223372036854775807,-9223372036854775808]}" },
    { "return {out = {state.out.b[1], state.out.b[2], state.out.b[3] == null, state.nothing == "
      "nil}}",
      "{'out':[1,2.0,true,true]}" },
    { "return {out = {state.talk[0] == nil, state.talk[4] == nil, state.talk[-1] == nil, "
      "state.talk[1.0], state.talk[1.5] == nil, state.talk.x == nil, state[1] == nil, "
      "state.talk[math.mininteger] == nil}}",
      "{'out':[true,true,true,'a',true,true,true,true]}" },
    { "return {out = {#state.talk, #state.out, #state.out.l, #state.items[2].q}}",
      "{'out':[3,0,0,2]}" },
    { "local t = {} for i, v in ipairs(state.talk) do t[i] = v .. i end return {out = t}",
      "{'out':['a1','b2','c3']}" },
    { "local t = {} for k, v in pairs(state.talk) do t[#t + 1] = k .. v end return {out = t}",
      "{'out':['1a','2b','3c']}" },
    { "local t = {} for k, v in pairs(state.out) do t[#t + 1] = k .. type(v) end return {out = t}",
      "{'out':['btable','astring','etable','ltable']}" },
    { "local t = {} for k in pairs(state.out.e) do t[1] = k end for k in pairs(state.out.l) do "
      "t[1] = k "
      "end return {items = t}",
      "{'items':[]}" },
    { "return {out = {next(state.talk)}}", "{'out':[1,'a']}" },
    { "return {out = {next(state.talk, 1)}}", "{'out':[2,'b']}" },
    { "return {out = {next(state.out, 'b')}}", "{'out':['a','x']}" },
    { "return {out = {next(state.talk, 3) == nil, next(state.out, 'l') == nil, next(state.out.e) "
      "== "
      "nil, next(state.talk, -5) == nil}}",
      "{'out':[true,true,true,true]}" },
    { "return {out = select(2, pcall(next, state.talk, {}))}",
      "{'out':'bad argument #2 to '?' (number expected, got table)'}" },
    { "return {out = table.concat(state.talk, '-')}", "{'out':'a-b-c'}" },
    { "return {out = {table.unpack(state.talk)}}", "{'out':['a','b','c']}" },
    { "return {out = {type(state), type(state.talk), type(null), type(state.talk[1])}}",
      "{'out':['table','table','userdata','string']}" },
    { "return {out = {state.talk == state.talk, state.out == json.copy(state.out), state == "
      "state.out, state.out.e == state.out.l, state.talk ~= state.items, state.talk == nil}}",
      "{'out':[true,false,false,false,true,false]}" },
    { "return {out = {tostring(state.talk), tostring(null), '' .. tostring(state.out.e)}}",
      "{'out':['[\\'a\\',\\'b\\',\\'c\\']','null','{}']}" },
    { "return {out = table.move(state.talk, 1, 3, 2, {'x'})}", "{'out':['x','a','b','c']}" },
    { "return {out = {getmetatable(state), rawequal(state, state)}}", "{'out':[false,true]}" },

    /* nobody writes */
    { "state.out = 1",
      "LuaError: test.lua:1: the state cannot be written: return an update from the "
      "node, or change a copy (json.copy)" },
    { "state.talk[4] = 1",
      "LuaError: test.lua:1: the state cannot be written: return an update from "
      "the node, or change a copy (json.copy)" },
    { "table.insert(state.talk, 'd')",
      "LuaError: the state cannot be written: return an update from "
      "the node, or change a copy (json.copy)" },
    { "table.remove(state.talk)",
      "LuaError: the state cannot be written: return an update from the "
      "node, or change a copy (json.copy)" },
    { "setmetatable(state, {})", "LuaError: test.lua:1: bad argument #1 to 'setmetatable' (table "
                                 "expected, got table)" },
    { "rawget(state, 'out')",
      "LuaError: test.lua:1: bad argument #1 to 'rawget' (table expected, got table)" },
    { "local c = json.copy(state) c.out.b[4] = 7 table.insert(c.talk, 1, 'z') return {out = "
      "c.out.b, "
      "items = c.talk}",
      "{'items':['z','a','b','c'],'out':[1,2.0,null,7]}" },
    { "return {out = {state.talk['1'] == nil, state['1'] == nil, state.talk[1]}}",
      "{'out':[true,true,'a']}" },
    { "return {out = {next(state.talk, math.maxinteger) == nil, next(state.talk, -1) == nil, "
      "next(state.talk, 0)}}",
      "{'out':[true,true,1,'a']}" },
};

START_TEST(a_view_is_a_table_that_nobody_writes)
{
    kit_check(&views[_i], STATE);
}
END_TEST

/* ---- json.* ---- */

static const struct kit_row functions[] = {
    { "return {out = json.encode{b = {1, 2.0}, a = json.array{}, c = {}, d = null}}",
      "{'out':'{\\'a\\':[],\\'b\\':[1,2.0],\\'c\\':{},\\'d\\':null}'}" },
    { "return {out = {json.encode('x'), json.encode(null), json.encode(nil), json.encode(1.0)}}",
      "{'out':['\\'x\\'','null','null','1.0']}" },
    { "return {out = json.decode(' [1, 2.50, {}, [], null, \"a\\\\u00e4\"] ')}",
      "{'out':[1,2.5,{},[],null,'a\xc3\xa4']}" },
    { "return {out = {json.decode('1'), json.decode('\"\"'), json.decode('null') == null, "
      "json.decode('false')}}",
      "{'out':[1,'',true,false]}" },
    { "return {out = json.copy(json.decode('{\"a\":{},\"b\":[]}'))}", "{'out':{'a':{},'b':[]}}" },
    { "local t = {1, {2}} local c = json.copy(t) c[2][1] = 3 return {out = {t, c}}",
      "{'out':[[1,[2]],[1,[3]]]}" },
    { "return {out = {json.null == null, json.null ~= nil, not json.null}}",
      "{'out':[true,true,false]}" },
    { "return {out = select(2, pcall(json.encode))}",
      "{'out':'bad argument #1 to '?' (value expected)'}" },
    { "json.encode{1, {x = print}}",
      "LuaError: test.lua:1: value[2].x: a function or coroutine cannot become JSON" },
    { "json.copy(0/0)", "LuaError: test.lua:1: value: NaN cannot become JSON" },
    { "json.decode('{')",
      "LuaError: test.lua:1: not JSON: line 1, column 2: a key in quotes expected" },
    { "json.decode('')", "LuaError: test.lua:1: not JSON: line 1, column 1: a value expected" },
    { "json.decode('[1]x')",
      "LuaError: test.lua:1: not JSON: line 1, column 4: the end of the input expected" },
    { "json.decode('\"\\\\u0000\"')", "LuaError: \\u0000 is not allowed" },
    { "json.decode('9223372036854775808')", "LuaError: does not fit into a 64-bit integer" },
    { "json.decode('1e999')", "LuaError: 1e999 is too large" },
    { "json.decode('{\"a\":1,\"a\":2}')", "LuaError: the key 'a' stands here twice" },
    { "json.decode(('['):rep(200))", "LuaError: nested deeper than 100 levels" },
    { "json.decode(nil)",
      "LuaError: test.lua:1: bad argument #1 to 'decode' (string expected, got nil)" },
    { "json.decode('\\xff')", "LuaError: not valid UTF-8" },
    { "return {out = json.decode(('['):rep(50) .. (']'):rep(50)) ~= nil}", "{'out':true}" },
    { "json.array('x')", "LuaError: test.lua:1: bad argument #1 to 'array' (table expected, got "
                         "string)" },
    { "json.array(state)", "LuaError: test.lua:1: bad argument #1 to 'array' (table expected, got "
                           "table)" },
    { "json.encode(('x'):rep(70 * 1024 * 1024))", "LuaError: longer than max_state_bytes" },
    { "json.object(Send('it'))", "LuaError: a table without a metatable expected" },
    { "json.array(string)", "LuaError: a table without a metatable expected" },
    { "json.array(_G)", "LuaError: a table without a metatable expected" },
    { "json.object(setmetatable({}, {}))", "LuaError: a table without a metatable expected" },
    { "return {out = {json.object(json.array{}), json.array(json.object(json.array{}))}}",
      "{'out':[{},[]]}" },
};

START_TEST(functions_of_json_work_and_complain)
{
    kit_check(&functions[_i], "{}");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_value_is_kept_or_refused_with_its_place, 0, KIT_ROWS(values));
    tcase_add_loop_test(tc, a_view_is_a_table_that_nobody_writes, 0, KIT_ROWS(views));
    tcase_add_loop_test(tc, functions_of_json_work_and_complain, 0, KIT_ROWS(functions));
}

int main(void)
{
    return kit_main("script_json", add);
}
