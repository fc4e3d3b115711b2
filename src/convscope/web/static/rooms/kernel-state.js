// What the room shows, as text that stands in the address, and as the question that the server is asked.
import { read, write } from "../core/link.js";

const COMMON = { greys: "9", bias: "0", stride: "1", padding: "valid", mode: "zeros", dilation: "1", flip: "", scale: "auto", view: "0,0", of: "output", pinned: "" };
const OPENING = {
  1: { ...COMMON, axes: "1", picture: "signal:step", kernel: "difference", at: "0,5" },
  2: { ...COMMON, axes: "2", picture: "builtin:ring", kernel: "sobel-x", at: "5,3" },
};

// Two whole numbers, whatever the text is.
export const pair = (text) => [0, 1].map((k) => Math.max(0, Math.floor(Number(text.split(",")[k])) || 0));

export class State {
  // choices: what the server offers by name.
  constructor(choices) {
    this.choices = choices;
    const { axes } = read({ axes: "1" });
    this.values = read(OPENING[axes === "2" ? 2 : 1]);
    this.values.axes = axes === "2" ? "2" : "1";
    if (this.values.padding === "0") this.values.padding = "valid";
    this.others = {}; // the state of the other view, while this one is shown
  }

  // From a signal to a picture and back: each stays as it was left.
  turnTo(axes) {
    this.others[this.values.axes] = this.values;
    this.values = this.others[axes] ?? { ...OPENING[axes] };
  }

  set(values) {
    Object.assign(this.values, values);
  }

  // The address: what is as at the opening of its view is left out, but for which view it is.
  keep() {
    const { axes, ...opening } = OPENING[this.values.axes];
    write(this.values, { ...opening, axes: "1" });
  }

  get flat() {
    return this.values.axes === "1";
  }

  get named() {
    return this.flat ? this.choices.lines : this.choices.kernels;
  }

  // Rows of numbers.
  get kernel() {
    const { kernel } = this.values;
    return this.named[kernel] ?? kernel.split(";").map((row) => row.split(",").map(Number));
  }

  // Written by the name of the kernel that it is, if there is one.
  set kernel(rows) {
    const text = rows.map((row) => row.join(",")).join(";");
    const same = Object.entries(this.named).find(([, each]) => each.map((row) => row.join(",")).join(";") === text);
    this.values.kernel = same ? same[0] : text;
  }

  get source() {
    const { picture } = this.values;
    return picture.startsWith("signal:") ? (this.choices.signals[picture.slice(7)] ?? picture) : picture;
  }

  get focus() {
    return { of: this.values.of, cell: pair(this.values.at) };
  }

  // The body of a request.
  get asked() {
    const { axes, greys, bias, stride, padding, mode, dilation, flip, view } = this.values;
    return {
      picture: this.source,
      axes: Number(axes),
      greys: Number(greys),
      kernel: this.kernel,
      bias: Number(bias),
      stride: Number(stride),
      padding: ["valid", "same"].includes(padding) ? padding : Number(padding),
      padding_mode: mode,
      dilation: Number(dilation),
      flip: flip !== "",
      view: pair(view),
    };
  }
}
