// Comparisons that contradict themselves; the order is that of the algorithm.
function Decoder(bytes) {
  var list = bytes.concat([7, 3, 200, 3, 7, 91, 15, 31, 47, 63, 16, 32, 48, 64]);
  return {
    greater: list.slice().sort(function (a, b) { return a > b; }),
    less: list.slice().sort(function (a, b) { return a < b; }),
    never_equal: list.slice().sort(function (a, b) { return (a & 15) > (b & 15) ? 1 : -1; }),
    remainders: list.slice().sort(function (a, b) { return a % 7 - b % 7; }),
    always: list.slice().sort(function () { return 1; }),
    never: list.slice().sort(function () { return -1; }),
    texts: list.slice().sort(),
    holes: [3, undefined, 1, , 2].sort(function (a, b) { return b - a; })
  };
}
