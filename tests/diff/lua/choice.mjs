// There are several ways to say a thing in Lua; which one is taken hangs on the case and on what is said, so that a case that is made smaller keeps its ways.
import { Random } from "../generate/random.mjs";

export class Choice {
  constructor(name) {
    this.name = name;
  }

  // One of the forms. place: what is written, unique in the case.
  of(place, ...forms) {
    return new Random(`lua/${this.name}/${place}`).pick(forms);
  }
}
