// Own frames are read first; those of libraries are folded, and nothing is lost.
import { expect, test } from "vitest";
import { parts } from "../src/lib/traceback";

const TEXT = `Traceback (most recent call last):
  File "/home/me/.venv/lib/python3.12/site-packages/langgraph/pregel/_retry.py", line 89, in run
    return task.proc.invoke(task.input, config)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/me/src/lgviz/session/effects.py", line 61, in drive
    for item in made:
  File "/usr/lib/python3.12/concurrent/futures/thread.py", line 58, in run
    result = self.fn()
  File "/tmp/ipykernel_7/1.py", line 3, in tools
    raise ValueError("no seat")
ValueError: no seat

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call
  File "agent.py", line 9, in go
    tools()
RuntimeError: failed
During task with name 'tools' and id '1'
`;

test("folds the frames of libraries between a person's own", () => {
  const found = parts(TEXT);
  expect(found.map(({ library }) => library)).toEqual([0, 3, 0, 1, 0]);
  expect(found[2]?.text).toBe(TEXT.slice(TEXT.indexOf('  File "/tmp'), TEXT.indexOf('\n  File "<frozen')));
  expect(found[4]?.text).toContain('File "agent.py"');
  expect(`${found.map(({ text }) => text).join("\n")}\n`).toBe(TEXT);
});

test("leaves what is no traceback as it is", () => {
  expect(parts("ValueError('no')")).toEqual([{ text: "ValueError('no')", library: 0 }]);
});
