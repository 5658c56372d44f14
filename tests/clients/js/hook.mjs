// React's useStream in a page of jsdom.
import { JSDOM } from "jsdom";
import { sdk, until, url } from "./kit.mjs";

const dom = new JSDOM('<!doctype html><div id="root"></div>', { url: "http://localhost/" });
globalThis.window ??= dom.window;
globalThis.document ??= dom.window.document;
globalThis.navigator ??= dom.window.navigator; // Node.js has one of its own since 21

const { createElement, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useStream } = await import(`${sdk}/react`);

export const storage = dom.window.sessionStorage;

/**
 * A component that uses the hook, in a page. `now` is what the hook gives, `seen` what `watch(hook)` gave at each rendering
 * if that is another text than before.
 */
export function mount(options, watch = () => undefined) {
  const view = { now: null, seen: [], options: { apiUrl: url, apiKey: "", ...options } };
  let last;
  function Page(props) {
    const hook = useStream(props);
    view.now = hook;
    void hook.messages; // so that the hook asks for messages
    useEffect(() => { view.isMounted = true; }, []); // behind the hook's own effects, which drop what comes before them
    const text = JSON.stringify(watch(hook));
    if (text !== last) view.seen.push(JSON.parse((last = text) ?? "null"));
    return createElement("p", null, String(hook.isLoading));
  }
  const root = createRoot(dom.window.document.createElement("div"));
  view.show = (more) => root.render(createElement(Page, Object.assign(view.options, more)));
  view.leave = () => root.unmount();
  view.until = (isSo, what) => until(() => view.now && isSo(view.now), what);
  view.idle = () => view.until((hook) => view.isMounted && !hook.isLoading && !hook.isThreadLoading, "the end of loading");
  view.show();
  return view;
}

/** A page whose hook is ready. */
export async function page(options, watch) {
  const view = mount(options, watch);
  await view.idle();
  return view;
}
