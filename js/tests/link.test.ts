// A link to a checkpoint, and the text of a hit in pieces.
import { expect, test } from "vitest";
import { linkTo, readLink } from "../src/lib/link";
import { split } from "../src/view/find/found";

test.each([
  ["1", "1f1eb14a-0b81-6a96-8007-1a8c4ae6ce12"],
  ["user/7 #2 &ü", "a/b"],
  ["../lab?x=1", "%"],
])("a link names thread %j and checkpoint %j", (thread, checkpoint) => {
  const link = linkTo("http://localhost:8888/lab/tree/a.ipynb?token=x#lgviz=old/old", { thread, checkpoint });
  expect(link.startsWith("http://localhost:8888/lab/tree/a.ipynb?token=x#lgviz=")).toBe(true);
  expect(readLink(link)).toEqual({ thread, checkpoint });
  expect(readLink(new URL(link).hash)).toEqual({ thread, checkpoint });
});

test.each(["", "#", "#heading", "#lgviz=1", "#lgviz=1/", "#lgviz=%E0%A4%A/1", "http://a/lgviz=1/2"])(
  "%j names none",
  (address) => {
    expect(readLink(address)).toBeNull();
  },
);

test.each([
  ["a sold out flight, sold out", "sold out", ["a ", "sold out", " flight, ", "sold out", ""]],
  ["nothing here", "sold out", ["nothing here"]],
  ["aaa", "aa", ["", "aa", "a"]],
])("%j is marked at %j", (text, sought, parts) => {
  expect(split(text, sought)).toEqual(parts);
});
