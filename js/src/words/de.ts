// German, by the English text that stands in the code.
export const german: Readonly<Record<string, string>> = {
  "after its parent was stored": "nach dem Speichern seines Elternteils",
  Fork: "Abzweigen",
  "Fork & run": "Abzweigen & ausführen",
  "Run from here": "Ab hier ausführen",
  Stop: "Anhalten",
  // Forms of schemas.
  "A value is needed.": "Ein Wert wird gebraucht.",
  "This must be a whole number.": "Das muss eine ganze Zahl sein.",
  "This must be a number.": "Das muss eine Zahl sein.",
  optional: "freiwillig",
  "Remove {name}": "{name} entfernen",
  "Add {name}": "{name} hinzufügen",
  "Add to {name}": "Zu {name} hinzufügen",
  "Leave {name} out": "{name} weglassen",
  "no fields": "keine Felder",
  "nothing chosen": "nichts gewählt",
  "left out": "weggelassen",
  "empty text": "leerer Text",
};
