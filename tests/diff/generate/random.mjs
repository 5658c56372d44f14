// Random numbers that are the same for the same seed, everywhere (FNV-1a into mulberry32).
export class Random {
  constructor(seed) {
    this.state = 2166136261;
    for (const c of String(seed)) this.state = Math.imul(this.state ^ c.codePointAt(0), 16777619);
  }

  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(p) {
    return this.next() < p;
  }

  pick(list) {
    return list[this.int(0, list.length - 1)];
  }

  shuffle(list) {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  some(list, count) {
    return this.shuffle(list).slice(0, count);
  }
}
