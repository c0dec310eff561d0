// German, by the English text that stands in the code.
export const german: Readonly<Record<string, string>> = {
  Fork: "Abzweigen",
  "Fork & run": "Abzweigen & ausführen",
  "Run from here": "Ab hier ausführen",
  Stop: "Anhalten",
};
