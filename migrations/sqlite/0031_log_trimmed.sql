INSERT INTO projections (name, pos) VALUES ('trimmed', 0);
