%% SPDX-License-Identifier: MIT
%% spin:main(Seconds): one process polls, and another waits.
-module(spin).
-export([main/1, poll/1]).

poll(Turns) -> poll((Turns + 1) band 1023).

main([Seconds]) ->
    spawn(?MODULE, poll, [0]),
    timer:sleep(1000 * list_to_integer(atom_to_list(Seconds))),
    io:format("done~n"),
    halt(0).
