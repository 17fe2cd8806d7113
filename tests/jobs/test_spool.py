from __future__ import annotations

from airflow_provider_sqlflow.jobs.spool import TextSpool


def test_texts_come_back_in_any_order_from_memory_and_from_disk():
    texts = ["", "SELECT 'ä€😀'", "x" * 1000, "lone \ud800 surrogate"]
    for memory_bytes in (10_000, 100):
        with TextSpool(memory_bytes) as spool:
            for text in texts:
                spool.add(text)
            assert [spool[number] for number in (3, 0, 2, 1)] == [texts[3], texts[0], texts[2], texts[1]]
            assert list(spool) == texts
            spool.add("last")
            assert (spool[4], spool[0], len(spool)) == ("last", "", 5)
