// A connection between client and server that breaks when a test says so.
import net from "node:net";

/**
 * Passes bytes on to `target` until `mark` has come from there; then it cuts that connection, and lets all others live.
 * The bytes up to the mark and `more` ones behind it still arrive. Gives {url, heads, close}: heads are the first lines
 * and headers of all requests.
 */
export async function cuttingProxy(target, mark, more = 0) {
  const { hostname, port } = new URL(target);
  const heads = [];
  const sockets = new Set();
  let isCut = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => { near.destroy(); far.destroy(); });
    }
    near.on("data", (bytes) => {
      if (/^(GET|POST|PUT|PATCH|DELETE) /.test(bytes)) heads.push(bytes.toString().split("\r\n\r\n")[0]);
      far.write(bytes);
    });
    let seen = "";
    far.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      const at = isCut ? -1 : (seen + text).indexOf(mark);
      if (at < 0) {
        seen += text;
        near.write(bytes);
        return;
      }
      isCut = true;
      const keep = Math.max(0, at + mark.length + more - seen.length);
      near.write(bytes.subarray(0, keep), () => near.resetAndDestroy());
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    heads,
    get isCut() { return isCut; },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
