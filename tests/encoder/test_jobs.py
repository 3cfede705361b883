"""The queue between two threads: order, bounds and ends."""

from __future__ import annotations

import threading

from router.encoder.jobs import Job, JobQueue


def jobs(*names: str) -> list[Job]:
    return [Job(name.encode(), name) for name in names]


def test_jobs_leave_in_the_order_in_which_they_came() -> None:
    queue = JobQueue(10)
    first, second, third = jobs("a", "b", "c")
    assert all(queue.put(job) for job in (first, second, third))
    assert queue.take(2) == [first, second]
    assert queue.take(2) == [third]


def test_a_full_queue_takes_no_more_until_one_leaves() -> None:
    queue = JobQueue(1)
    first, second = jobs("a", "b")
    assert queue.put(first)
    assert not queue.put(second)
    queue.remove(first)
    assert queue.put(second)
    assert queue.take(5) == [second]


def test_a_job_that_was_taken_can_still_be_removed_without_harm() -> None:
    queue = JobQueue(1)
    (job,) = jobs("a")
    queue.put(job)
    queue.take(1)
    queue.remove(job)
    assert len(queue) == 0


def test_taking_waits_for_the_first_job_only() -> None:
    queue = JobQueue(10)
    taken: list[list[Job]] = []
    thread = threading.Thread(target=lambda: taken.append(queue.take(10)))
    thread.start()
    (job,) = jobs("a")
    queue.put(job)
    thread.join(30)
    assert taken == [[job]]


def test_closing_wakes_the_taker_forgets_the_rest_and_refuses_more() -> None:
    queue = JobQueue(10)
    taken: list[list[Job]] = []
    thread = threading.Thread(target=lambda: taken.append(queue.take(10)))
    thread.start()
    queue.close()
    thread.join(30)
    assert taken == [[]]
    assert not queue.put(jobs("a")[0])
    assert queue.closed


def test_a_job_does_not_show_its_text() -> None:
    assert "secret" not in repr(Job(b"key", "secret"))
