// Keeps a Node process inside this machine: whoever else is to be reached is noted, and nobody comes through.
import net from "node:net";

/** Hosts outside this machine that somebody tried to reach. */
export const reached = [];

const LOOPBACK = /^(localhost|127\.[\d.]+|::1)$/;
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  // Either (port, host, listener), or ([options, listener]) as node:net puts it in order for itself.
  const [first, second] = given.flat();
  const host = typeof first === "object" ? first.host : second;
  if (typeof host !== "string" || LOOPBACK.test(host)) return connect.apply(this, given);
  reached.push(host);
  console.error(`reached outside: ${host}`);
  process.nextTick(() => this.destroy(new Error(`${host} is outside this machine`)));
  return this;
};
