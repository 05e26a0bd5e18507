"""What rank 0 knows of every round: whose rows are there, who is missing and why, and how it ended.

Pure bookkeeping: no connection, no clock, no lock. A round is one ``compute`` of one object: ``what`` names the
object and ``number`` counts its computes, the same on all ranks. Only rows that say both are brought together; a
rank that is elsewhere is an error that names it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Set, Tuple

    Round = Tuple[str, int]

_REMEMBERED = 1000


class Sending:
    """Rows that are on their way: ``done`` of ``size`` bytes, the last of them ``at`` that time."""

    __slots__ = ("at", "done", "round", "size")

    def __init__(self, one: Round, size: int, at: float) -> None:
        self.round = one
        self.size = size
        self.done = 0
        self.at = at


class Rounds:
    """The rounds of one job with ``world`` ranks, seen by rank 0. Times are seconds on any one clock."""

    def __init__(self, world: int) -> None:
        self.world = world
        self.connected: Set[int] = set()
        self.lost: Dict[int, str] = {}
        """Ranks whose connection ended without a word, and how."""
        self.arrived: Dict[Round, Dict[int, str]] = {}
        """Paths of what is complete, empty for no rows, by round and rank."""
        self.sending: Dict[int, Sending] = {}
        self.refused: Dict[int, str] = {}
        """Why somebody who said he was this rank was sent away."""
        self.poison = ""
        """Why nothing that comes can be trusted any more."""
        self._gave_up: Dict[Round, Dict[int, str]] = {}
        self._last: Dict[int, Round] = {}  # what a rank gave up, until it comes again
        self._ended: Dict[str, int] = {}
        self._verdicts: Dict[Round, str] = {}

    def join(self, rank: int) -> None:
        """A rank is connected (again)."""
        self.connected.add(rank)
        self.lost.pop(rank, None)
        self.refused.pop(rank, None)

    def leave(self, rank: int, reason: str) -> None:
        """A rank's connection is gone; ``reason`` is empty when the rank had said so before."""
        self.connected.discard(rank)
        self.sending.pop(rank, None)
        if reason:
            self.lost[rank] = reason

    def begin(self, rank: int, one: Round, size: int, now: float) -> str:
        """A rank starts to send its rows. Returns why nobody waits for them; empty when they are welcome."""
        over = self._over(rank, one)
        if not over:
            self.sending[rank] = Sending(one, size, now)
        return over

    def progress(self, rank: int, done: int, now: float) -> None:
        """So many bytes have come."""
        sending = self.sending.get(rank)
        if sending is not None:
            sending.done, sending.at = done, now

    def arrive(self, rank: int, one: Round, path: str) -> str:
        """All rows of a rank are there. Returns as :meth:`begin` does."""
        self.sending.pop(rank, None)
        self._last.pop(rank, None)
        over = self._over(rank, one)
        if not over:
            self.arrived.setdefault(one, {})[rank] = path
        return over

    def give_up(self, rank: int, one: Round, reason: str) -> str:
        """A rank fails a round. Returns the path of what it had sent for that."""
        self._last[rank] = one
        sending = self.sending.get(rank)
        if sending is not None and sending.round == one:
            del self.sending[rank]
        if one[1] > self._ended.get(one[0], -1):
            self._gave_up.setdefault(one, {})[rank] = reason
        return self.arrived.get(one, {}).pop(rank, "")

    def complete(self, one: Round) -> bool:
        """Whether all ranks but 0 have sent their rows."""
        return len(self.arrived.get(one, {})) == self.world - 1

    def problem(self, one: Round, since: float, timeout: float, now: float) -> str:
        """Why a round cannot end well; empty while it can. Rank 0 waits for it since then."""
        if self.poison:
            return self.poison
        gone, late = self.absent(one, since, timeout, now)
        reasons = [f"rank {rank}: {why}" for rank, why in (*gone.items(), *late.items())]
        return self._message(one, reasons, timeout if late else 0.0) if reasons else ""

    def absent(self, one: Round, since: float, timeout: float, now: float) -> Tuple[Dict[int, str], Dict[int, str]]:
        """Whose rows will not come any more, and whose have not come in time; and why, each."""
        there = self.arrived.get(one, {})
        gone, late = {}, {}
        for rank in range(1, self.world):
            if rank not in there:
                why = self._gone(rank, one)
                if why:
                    gone[rank] = why
                elif now > self._patience(rank, one, since, timeout):
                    late[rank] = self._late(rank, one)
        return gone, late

    def end(self, one: Round, verdict: str) -> Dict[int, str]:
        """Close a round, with the verdict (empty: all is well). Returns the paths of what had come, by rank."""
        self._ended[one[0]] = max(one[1], self._ended.get(one[0], -1))
        if verdict:
            self._verdicts[one] = verdict
            while len(self._verdicts) > _REMEMBERED:
                del self._verdicts[next(iter(self._verdicts))]
        for key in [key for key in self._gave_up if key[0] == one[0] and key[1] <= one[1]]:
            del self._gave_up[key]
        return self.arrived.pop(one, {})

    def quiet(self) -> bool:
        """Whether nothing is there or on its way."""
        return not self.arrived and not self.sending

    def waiting(self) -> List[Tuple[int, Round]]:
        """Ranks that wait for an answer of rank 0, and in which round."""
        found = [(rank, one) for one, ranks in self.arrived.items() for rank in ranks]
        return found + [(rank, sending.round) for rank, sending in self.sending.items()]

    def _over(self, rank: int, one: Round) -> str:
        """How a round has ended, or why it cannot but fail; empty when neither."""
        if self.poison:
            return self.poison
        if one[1] > self._ended.get(one[0], -1):
            return ""
        return self._verdicts.get(one) or f"{describe(one)} is over: rank {rank} came too late"

    def _gone(self, rank: int, one: Round) -> str:
        """Why a rank will not come to a round."""
        if rank in self._gave_up.get(one, {}):
            return self._gave_up[one][rank]
        ahead = self._elsewhere(rank)
        if ahead is not None and ahead[0] == one[0] and ahead[1] > one[1]:
            return f"is in round {ahead[1]} already"
        return self.lost.get(rank, "")

    def _patience(self, rank: int, one: Round, since: float, timeout: float) -> float:
        """Until when a rank is waited for: rows that come are waited for as long as they come."""
        sending = self.sending.get(rank)
        return max(since, sending.at if sending is not None and sending.round == one else since) + timeout

    def _late(self, rank: int, one: Round) -> str:
        """What is known of a rank that has not come yet."""
        sending = self.sending.get(rank)
        if sending is not None and sending.round == one:
            return f"stopped after {sending.done} of {sending.size} bytes"
        elsewhere = self._elsewhere(rank)
        if elsewhere is not None:
            return f"is in {describe(elsewhere)}"
        before = f", and gave up on {describe(self._last[rank])}" if rank in self._last else ""
        if rank in self.connected:
            return f"connected, but did not call compute(){before}"
        if rank in self.refused:
            return f"was sent away: {self.refused[rank]}"
        return f"not connected{before}"

    def _elsewhere(self, rank: int) -> Optional[Round]:
        """The round that a rank waits in."""
        if rank in self.sending:
            return self.sending[rank].round
        return next((one for one, ranks in self.arrived.items() if rank in ranks), None)

    def _message(self, one: Round, reasons: List[str], timeout: float) -> str:
        after = f" after {timeout:g} s" if timeout else ""
        return (
            f"{describe(one)}: the rows of {len(reasons)} of {self.world} ranks are missing{after} "
            f"({'; '.join(reasons)})"
        )


def describe(one: Round) -> str:
    """A round, for people."""
    return f"{one[0]}, round {one[1]}"
