INSERT INTO head (id, pos) VALUES (1, 0);
