// Values of a case as Lua.
const KEYWORDS = new Set(("and break do else elseif end false for function goto if in local nil not or repeat return then true until while").split(" "));

export function text(string) {
  const bytes = [...new TextEncoder().encode(string)];
  const plain = (byte) => byte >= 32 && byte < 127 && byte !== 34 && byte !== 92;
  return `"${bytes.map((byte) => (plain(byte) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`)).join("")}"`;
}

export const key = (name) => (/^[A-Za-z_]\w*$/.test(name) && !KEYWORDS.has(name) ? name : `[${text(name)}]`);

// Members that are Lua already.
export function table(members) {
  const list = Object.entries(members).filter(([, lua]) => lua !== undefined).map(([name, lua]) => `${key(name)} = ${lua}`);
  return list.length === 0 ? "{}" : `{ ${list.join(", ")} }`;
}

export const list = (items) => (items.length === 0 ? "{}" : `{ ${items.join(", ")} }`);

export const names = (strings) => list(strings.map(text));

export function literal(value) {
  if (value === null) return "null";
  if (typeof value === "string") return text(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "json.array {}" : list(value.map(literal));
  const keys = Object.keys(value);
  if (keys.length === 0) return "json.object {}";
  if (keys.length === 1 && keys[0] === "$input") return `at(state, ${text(value.$input)})`;
  if (keys.length === 1 && keys[0] === "__overwrite__") return `Overwrite(${inField(value.__overwrite__)})`;
  return table(Object.fromEntries(keys.map((name) => [name, literal(value[name])])));
}

// An empty list in the place of a field needs no mark: the field's type says what it is.
export const inField = (value) => (Array.isArray(value) && value.length === 0 ? "{}" : literal(value));
