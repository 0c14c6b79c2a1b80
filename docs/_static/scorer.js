// A page whose title has the word comes first, then the library and lessons, then code of the course.
var Scorer = {
  score: ([docname, , anchor, , score, , kind]) =>
    score + (kind === "title" && !anchor ? 100 : 0) + (docname.startsWith("lessons/") ? 3 : 0)
    - (docname.startsWith("api/course") ? 20 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 12, term: 5, partialTerm: 2,
};
