# A closure of 34 store paths that Nix builds without a network: no nixpkgs, and /bin/sh is the only
# program. What a shell can't do by itself (make a directory) comes from Nix: an imported source
# tree, and builtin:buildenv, which makes profiles. What is in it:
#   a chain whose links name themselves too, a diamond, texts from a line to 1 MiB, a name with
#   every kind of character, a content-addressed directory, and a profile on top of it all.
# Nothing here depends on the machine but `system`: the same store paths everywhere.
let
  system = builtins.currentSystem;

  # A store path that is one file: the output of a shell script. What `script` mentions is a reference.
  file = name: script: derivation {
    inherit name system;
    builder = "/bin/sh";
    args = [ "-euc" "{ ${script}\n} > $out" ];
  };

  say = text: "echo '${text}';";
  lines = count: text: "i=0; while [ $i -lt ${toString count} ]; do echo \"$i ${text}\"; i=$((i+1)); done;";
  mention = paths: builtins.concatStringsSep " " (map (path: say "uses ${path}") paths);

  licence = file "licence" (say "Free to use, and to throw away.");

  # chain-12 -> chain-11 -> ... -> chain-1, and each to itself.
  chain = builtins.foldl' (links: n:
    [ (file "chain-${toString n}"
        ("echo \"link ${toString n} at $out\";" + mention ([ licence ] ++ (if links == [ ] then [ ] else [ (builtins.head links) ]))
          + lines (n * 10) "a link's text")) ] ++ links
  ) [ ] [ 1 2 3 4 5 6 7 8 9 10 11 12 ];

  bottom = file "diamond-bottom" (lines 40 "where both sides meet");
  left = file "diamond-left" (mention [ bottom ] + lines 30 "the left side");
  right = file "diamond-right" (mention [ bottom licence ] + lines 50 "the right side");
  diamond = file "diamond-top" (mention [ left right ]);

  # 60 bytes a line: the last one is a little over 1 MiB.
  texts = map (count: file "text-${toString count}" (mention [ licence ] + lines count
    "the quick brown fox jumps over the lazy dog, again"))
    [ 1 16 256 4096 18000 ];

  odd = file "odd+name_1.0-beta?x=y" (mention [ licence ] + say "Nix allows all of these characters.");

  parts = map (n: file "part-${toString n}"
    (mention ([ odd diamond ] ++ builtins.filter (path: path != null) [
      (builtins.elemAt chain n)
      (if n < 5 then builtins.elemAt texts n else null)
    ]) + lines (n * 100) "part ${toString n}"))
    [ 0 1 2 3 4 5 6 7 ];

  # A directory, addressed by its contents: needs no signature.
  tree = builtins.path { name = "hello-tree"; path = ./tree; };

  contents = file "contents" (mention ([ licence diamond odd ] ++ chain ++ texts ++ parts));
in
derivation {
  name = "narthex-hello";
  inherit system;
  builder = "builtin:buildenv";
  derivations = [ "true" 5 1 tree ];
  manifest = contents;
}
