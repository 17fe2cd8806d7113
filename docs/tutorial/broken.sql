CREATE VIEW staging.people AS SELECT id, lower(mail) AS mail FROM raw.people;
INSERT INTO marts.people SELECT id mail of FROM staging.people;
