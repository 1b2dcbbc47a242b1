-- Of several servers on one database, each runs the domains whose files it has.

-- The id of the data directory that has the files of a domain that is run here; null: there are none.
alter table dir_directory add column home text;
